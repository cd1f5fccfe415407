//! Where the Node side lives, and what is in it.

use std::{
    env,
    path::{Path, PathBuf},
};

use tokio::process::Command;

use super::HarnessError;

/// The folder `node-harness` of a checkout.
#[derive(Debug, Clone)]
pub struct Harness {
    folder: PathBuf,
}

/// The programs in `node-harness/apps` and `node-harness/oracles`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum App {
    /// The tutorial's microservice.
    User,
    /// The tutorial's HTTP service.
    Main,
    /// The Nest half of the conformance service.
    Conformance,
    /// Nest's framing, driven by lines.
    JsonSocket,
    /// Nest's routes, driven by lines.
    Route,
    /// Nest's client, driven by lines.
    ClientTcp,
}

impl App {
    fn script(self) -> &'static str {
        match self {
            Self::User => "apps/microservice-test-user.mjs",
            Self::Main => "apps/microservice-test-main.mjs",
            Self::Conformance => "apps/conformance-service.mjs",
            Self::JsonSocket => "oracles/json-socket.mjs",
            Self::Route => "oracles/route.mjs",
            Self::ClientTcp => "oracles/client-tcp.mjs",
        }
    }
}

impl Harness {
    /// The majors of Nest that are pinned.
    pub const MAJORS: [u8; 6] = [7, 8, 9, 10, 11, 12];

    /// Finds the folder, from the current one upwards, or else in the checkout that this program was built from.
    ///
    /// # Errors
    /// [`HarnessError::NoFolder`].
    pub fn find() -> Result<Self, HarnessError> {
        let here = env::current_dir().unwrap_or_default();
        let built_from = Path::new(env!("CARGO_MANIFEST_DIR"));
        here.ancestors()
            .chain([built_from])
            .map(|folder| folder.join("node-harness"))
            .find(|folder| folder.join("nest.mjs").is_file())
            .map(|folder| Self { folder })
            .ok_or(HarnessError::NoFolder)
    }

    /// The checkout's top folder.
    ///
    /// # Panics
    /// Never: the folder was found as the child of one.
    #[must_use]
    pub fn checkout(&self) -> &Path {
        self.folder.parent().expect("the folder has a parent")
    }

    /// The folder of one major.
    #[must_use]
    pub fn major(&self, major: u8) -> PathBuf {
        self.folder.join(format!("nest-{major}"))
    }

    /// `node APP --nest MAJOR`, to be given further arguments.
    #[must_use]
    pub fn node(&self, app: App, major: u8) -> Command {
        let mut command = Command::new("node");
        command
            .arg(self.folder.join(app.script()))
            .args(["--nest", &major.to_string()]);
        command
    }
}
