//! Installs the pinned packages, once.

use std::{
    fs::{self, File, TryLockError},
    path::PathBuf,
    time::Duration,
};

use tokio::{process::Command, time::sleep};

use crate::{Harness, HarnessError, tool};

/// Time between two attempts to lock an installation that another process holds.
const LOCK_INTERVAL: Duration = Duration::from_millis(100);

/// A step of an installation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// The packages of this major are being installed.
    Installing(u8),
    /// This major is ready.
    Ready(u8),
}

impl Harness {
    /// Installs the packages of these majors with `npm ci`, unless they are already installed.
    ///
    /// A copy of the lock file is put beside the packages once all are installed, and so identifies
    /// their versions. A lock on a file keeps two processes from installing at once.
    ///
    /// # Errors
    /// Returns [`HarnessError::Missing`] without npm, [`HarnessError::Failed`] if npm fails, or
    /// [`HarnessError::File`].
    pub async fn install(&self, majors: &[u8], mut tell: impl FnMut(Progress)) -> Result<(), HarnessError> {
        for &major in majors {
            if !self.is_installed(major)? {
                let _guard = self.lock_installation(major).await?;
                // Another process may have installed them while this one waited.
                if !self.is_installed(major)? {
                    tell(Progress::Installing(major));
                    self.npm_ci(major).await?;
                }
            }
            tell(Progress::Ready(major));
        }
        Ok(())
    }

    /// Returns whether all packages of a major are installed in the pinned versions.
    ///
    /// # Errors
    /// Fails with [`HarnessError::File`].
    pub fn is_installed(&self, major: u8) -> Result<bool, HarnessError> {
        let wanted = self.major(major).join("package-lock.json");
        let wanted = fs::read(&wanted).map_err(|source| HarnessError::File { path: wanted, source })?;
        Ok(fs::read(self.installed_lock(major)).is_ok_and(|installed| installed == wanted))
    }

    fn installed_lock(&self, major: u8) -> PathBuf {
        self.major(major).join("node_modules/.installed-package-lock.json")
    }

    /// Tries the lock repeatedly, because a thread that waits for a lock cannot be cancelled.
    async fn lock_installation(&self, major: u8) -> Result<File, HarnessError> {
        let path = self.major(major).join(".installing");
        let failed = |source| HarnessError::File {
            path: path.clone(),
            source,
        };
        let file = File::create(&path).map_err(failed)?;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(file),
                Err(TryLockError::WouldBlock) => sleep(LOCK_INTERVAL).await,
                Err(TryLockError::Error(error)) => return Err(failed(error)),
            }
        }
    }

    async fn npm_ci(&self, major: u8) -> Result<(), HarnessError> {
        let mut command = Command::new("npm");
        command.arg("ci").current_dir(self.major(major));
        tool::succeed("npm ci", command).await?;
        let (from, to) = (self.major(major).join("package-lock.json"), self.installed_lock(major));
        fs::copy(from, &to).map_err(|source| HarnessError::File { path: to, source })?;
        Ok(())
    }
}
