//! Installing the pinned packages, once.

use std::{
    fs::{self, File},
    io,
    path::PathBuf,
    process::Stdio,
};

use tokio::process::Command;

use super::{Harness, HarnessError};

/// What an installation does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// It installs the packages of this major.
    Installing(u8),
    /// This major is ready.
    Ready(u8),
}

impl Harness {
    /// Installs the packages of these majors with `npm ci`, unless they are there already.
    ///
    /// A copy of the lock file, put beside the packages once all are there, tells which state they are in; a lock on a
    /// file keeps two processes from installing at once.
    ///
    /// # Errors
    /// [`HarnessError::Missing`] without npm, [`HarnessError::Failed`] if it fails, [`HarnessError::File`].
    pub async fn install(&self, majors: &[u8], mut tell: impl FnMut(Progress)) -> Result<(), HarnessError> {
        for &major in majors {
            if !self.is_installed(major)? {
                let _guard = self.lock_installation(major).await?;
                // Another process may have done it while we waited.
                if !self.is_installed(major)? {
                    tell(Progress::Installing(major));
                    self.npm_ci(major).await?;
                }
            }
            tell(Progress::Ready(major));
        }
        Ok(())
    }

    fn is_installed(&self, major: u8) -> Result<bool, HarnessError> {
        let wanted = self.major(major).join("package-lock.json");
        let wanted = fs::read(&wanted).map_err(|source| HarnessError::File { path: wanted, source })?;
        Ok(fs::read(self.installed_lock(major)).is_ok_and(|installed| installed == wanted))
    }

    fn installed_lock(&self, major: u8) -> PathBuf {
        self.major(major).join("node_modules/.installed-package-lock.json")
    }

    async fn lock_installation(&self, major: u8) -> Result<File, HarnessError> {
        let path = self.major(major).join(".installing");
        let locked = path.clone();
        let lock = move || File::create(locked).and_then(|file| file.lock().map(|()| file));
        tokio::task::spawn_blocking(lock)
            .await
            .map_err(io::Error::from)
            .flatten()
            .map_err(|source| HarnessError::File { path, source })
    }

    async fn npm_ci(&self, major: u8) -> Result<(), HarnessError> {
        let output = Command::new("npm")
            .arg("ci")
            .current_dir(self.major(major))
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output()
            .await
            .map_err(|source| HarnessError::Missing {
                program: "npm".to_owned(),
                source,
            })?;
        if !output.status.success() {
            return Err(HarnessError::Failed {
                command: "npm ci".to_owned(),
                status: output.status,
                log: String::from_utf8_lossy(&output.stderr).into_owned(),
            });
        }
        let (from, to) = (self.major(major).join("package-lock.json"), self.installed_lock(major));
        fs::copy(from, &to).map_err(|source| HarnessError::File { path: to, source })?;
        Ok(())
    }
}
