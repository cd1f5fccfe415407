//! Our own example services, built by cargo.

use std::{collections::HashMap, env, path::PathBuf};

use serde::Deserialize;
use tokio::process::Command;

use crate::{Harness, HarnessError, tool};

/// The executables of the crate's examples, by name.
#[derive(Debug, Clone)]
pub struct Examples(HashMap<String, PathBuf>);

/// The lines of cargo's `--message-format=json` that are used here.
#[derive(Deserialize)]
struct Message {
    target: Option<Target>,
    executable: Option<PathBuf>,
}

#[derive(Deserialize)]
struct Target {
    kind: Vec<String>,
    name: String,
}

impl Examples {
    /// Builds the examples in this program's own profile. `flags` select packages and features.
    /// With the flags of the command that built this program, cargo does not rebuild.
    ///
    /// # Errors
    /// Returns [`HarnessError::Missing`] without cargo, [`HarnessError::Failed`] if the build
    /// fails.
    pub async fn build(harness: &Harness, flags: &[&str]) -> Result<Self, HarnessError> {
        let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut command = Command::new(&cargo);
        command
            .args(["build", "--examples", "--message-format=json"])
            .args(flags);
        if !cfg!(debug_assertions) {
            command.arg("--release");
        }
        command.current_dir(harness.checkout());
        let output = tool::succeed("cargo build --examples", command).await?;
        Ok(Self::listed_in(&String::from_utf8_lossy(&output.stdout)))
    }

    fn listed_in(messages: &str) -> Self {
        let artifact = |line| {
            let Message { target, executable } = serde_json::from_str(line).ok()?;
            let target = target.filter(|target| target.kind.iter().any(|kind| kind == "example"))?;
            Some((target.name, executable?))
        };
        Self(messages.lines().filter_map(artifact).collect())
    }

    /// Returns the command that runs an example.
    ///
    /// # Panics
    /// Panics if there is no example of that name.
    #[must_use]
    pub fn command(&self, name: &str) -> Command {
        let path = self
            .0
            .get(name)
            .unwrap_or_else(|| panic!("there is no example `{name}`"));
        Command::new(path)
    }
}
