//! Installs the pinned packages, once.

use std::{
    fs::{self, File, TryLockError},
    path::{Path, PathBuf},
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
            install_folder(&self.major(major), || tell(Progress::Installing(major))).await?;
            tell(Progress::Ready(major));
        }
        Ok(())
    }

    /// Installs the browser that opens pages of `nest-wire report`, as [`install`](Self::install)
    /// installs a major. Returns the folder of its programs.
    ///
    /// # Errors
    /// As [`install`](Self::install).
    pub async fn install_browser(&self) -> Result<PathBuf, HarnessError> {
        let folder = self.browser();
        install_folder(&folder, || ()).await?;
        Ok(folder)
    }

    /// Installs Nest 12 with the packages of its gRPC transport, as [`install`](Self::install)
    /// installs a major.
    ///
    /// # Errors
    /// As [`install`](Self::install).
    pub async fn install_grpc(&self) -> Result<(), HarnessError> {
        install_folder(&self.node_side("grpc"), || ()).await
    }

    /// Returns whether all packages of a major are installed in the pinned versions.
    ///
    /// # Errors
    /// Fails with [`HarnessError::File`].
    pub fn is_installed(&self, major: u8) -> Result<bool, HarnessError> {
        is_installed(&self.major(major))
    }
}

async fn install_folder(folder: &Path, tell: impl FnOnce()) -> Result<(), HarnessError> {
    if is_installed(folder)? {
        return Ok(());
    }
    let _guard = lock(folder).await?;
    // Another process may have installed them while this one waited.
    if !is_installed(folder)? {
        tell();
        npm_ci(folder).await?;
    }
    Ok(())
}

fn is_installed(folder: &Path) -> Result<bool, HarnessError> {
    let wanted = folder.join("package-lock.json");
    let wanted = fs::read(&wanted).map_err(|source| HarnessError::File { path: wanted, source })?;
    Ok(fs::read(installed_lock(folder)).is_ok_and(|installed| installed == wanted))
}

fn installed_lock(folder: &Path) -> PathBuf {
    folder.join("node_modules/.installed-package-lock.json")
}

/// Tries the lock repeatedly, because a thread that waits for a lock cannot be cancelled.
async fn lock(folder: &Path) -> Result<File, HarnessError> {
    let path = folder.join(".installing");
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

async fn npm_ci(folder: &Path) -> Result<(), HarnessError> {
    let mut command = Command::new("npm");
    command.arg("ci").current_dir(folder);
    tool::succeed("npm ci", command).await?;
    let (from, to) = (folder.join("package-lock.json"), installed_lock(folder));
    fs::copy(from, &to).map_err(|source| HarnessError::File { path: to, source })?;
    Ok(())
}
