//! The folder of the Node side and its contents.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use serde::Deserialize;
use tokio::process::Command;

use crate::{HarnessError, tool};

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
    /// The Nest half of the measured service.
    Bench,
    /// The `sum` of the measured service over Nest's gRPC transport; its packages are installed by
    /// [`Harness::install_grpc`].
    BenchGrpc,
    /// Nest's client, which reads from standard input how many calls to make.
    BenchClient,
    /// Features that the Nest half of the conformance service lacks: limits set by flags, values
    /// that cannot be written.
    Edge,
    /// The Nest half of the guide.
    Guide,
    /// Nest's pipes applied to a payload (Nest 12 only).
    Pipes,
    /// Nest's framing, driven by lines.
    JsonSocket,
    /// Nest's routes, driven by lines.
    Route,
    /// `JSON.parse`, driven by lines.
    Typed,
    /// Nest's client, driven by lines.
    ClientTcp,
    /// Nest's client over NATS, driven by lines (Nest 11 and 12 only).
    ClientNats,
    /// The last hop of a trace: Nest's service with OpenTelemetry.
    TracedService,
    /// The first hop of a trace: Nest's client with OpenTelemetry, driven by lines.
    TracedClient,
}

impl App {
    fn script(self) -> &'static str {
        match self {
            Self::User => "apps/microservice-test-user.mjs",
            Self::Main => "apps/microservice-test-main.mjs",
            Self::Conformance => "apps/conformance-service.mjs",
            Self::Bench => "apps/bench-service.mjs",
            Self::BenchGrpc => "apps/bench-grpc.mjs",
            Self::BenchClient => "apps/bench-client.mjs",
            Self::Edge => "apps/edge-service.mjs",
            Self::Guide => "apps/guide-service.mjs",
            Self::Pipes => "apps/pipes-service.mjs",
            Self::JsonSocket => "oracles/json-socket.mjs",
            Self::Route => "oracles/route.mjs",
            Self::Typed => "oracles/typed.mjs",
            Self::ClientTcp => "oracles/client-tcp.mjs",
            Self::ClientNats => "oracles/client-nats.mjs",
            Self::TracedService => "apps/traced-service.mjs",
            Self::TracedClient => "oracles/traced-client.mjs",
        }
    }
}

impl Harness {
    /// The pinned majors of Nest.
    pub const MAJORS: [u8; 6] = [7, 8, 9, 10, 11, 12];

    /// Finds the folder, from the current one upwards, or else in the checkout that this program
    /// was built from.
    ///
    /// # Errors
    /// Fails with [`HarnessError::NoFolder`].
    pub fn find() -> Result<Self, HarnessError> {
        let here = env::current_dir().unwrap_or_default();
        Self::find_from(&here, built_from())
    }

    /// Returns the folder at this path, which need not be part of a checkout.
    #[must_use]
    pub const fn at(folder: PathBuf) -> Self {
        Self { folder }
    }

    fn find_from(here: &Path, built_from: &Path) -> Result<Self, HarnessError> {
        here.ancestors()
            .chain([built_from])
            .map(|folder| folder.join("node-harness"))
            .find(|folder| folder.join("nest.mjs").is_file())
            .map(|folder| Self { folder })
            .ok_or(HarnessError::NoFolder)
    }

    /// Returns the output of `PROGRAM --version`.
    ///
    /// # Errors
    /// Fails with [`HarnessError::Missing`] or [`HarnessError::Failed`].
    pub async fn version(program: &str) -> Result<String, HarnessError> {
        let mut command = Command::new(program);
        command.arg("--version");
        let output = tool::succeed(&format!("{program} --version"), command).await?;
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    /// Returns the pinned version of a major, for example `12.1.1`.
    ///
    /// # Errors
    /// Fails with [`HarnessError::File`].
    pub fn pinned(&self, major: u8) -> Result<String, HarnessError> {
        let path = self.major(major).join("package.json");
        let failed = |source| HarnessError::File {
            path: path.clone(),
            source,
        };
        let text = fs::read(&path).map_err(failed)?;
        let package: Package = serde_json::from_slice(&text).map_err(|error| failed(error.into()))?;
        Ok(package.dependencies.microservices)
    }

    /// Returns the parent folder: the top of a checkout.
    ///
    /// # Panics
    /// Never panics: the folder was found as the child of another one.
    #[must_use]
    pub fn checkout(&self) -> &Path {
        self.folder.parent().expect("the folder has a parent")
    }

    /// Returns the folder of one major.
    #[must_use]
    pub fn major(&self, major: u8) -> PathBuf {
        self.folder.join(format!("nest-{major}"))
    }

    /// Returns the path of a file or folder of the Node side.
    #[must_use]
    pub fn node_side(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Returns the folder of the browser that opens pages of `nest-wire report`.
    #[must_use]
    pub fn browser(&self) -> PathBuf {
        self.folder.join("report")
    }

    /// Returns the command `node APP --nest MAJOR`, for further arguments. Its locale, which
    /// determines the order of keys in routes, is Node's default and ours, whatever this process's
    /// locale.
    #[must_use]
    pub fn node(&self, app: App, major: u8) -> Command {
        let mut command = Command::new("node");
        command
            .arg(self.folder.join(app.script()))
            .args(["--nest", &major.to_string()])
            .env("LC_ALL", "en_US.UTF-8");
        command
    }
}

/// Returns the checkout that this program was built from.
fn built_from() -> &'static Path {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().unwrap_or(package)
}

/// The lines of a `package.json` that are used here.
#[derive(Deserialize)]
struct Package {
    dependencies: Dependencies,
}

#[derive(Deserialize)]
struct Dependencies {
    #[serde(rename = "@nestjs/microservices")]
    microservices: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_is_found_from_below_and_from_elsewhere() {
        let checkout = built_from();
        let nowhere = Path::new("/");
        for (here, built_from) in [(checkout.join("harness/src"), nowhere), (nowhere.to_owned(), checkout)] {
            let harness = Harness::find_from(&here, built_from).expect("a checkout");
            assert_eq!(harness.checkout(), checkout);
        }
    }

    #[test]
    fn outside_of_a_checkout_there_is_none() {
        let error = Harness::find_from(Path::new("/"), Path::new("/nowhere")).expect_err("no checkout");
        assert!(matches!(error, HarnessError::NoFolder));
    }

    #[test]
    fn the_pinned_version_is_that_of_the_package_file() {
        let harness = Harness::find().expect("a checkout");
        let version = harness.pinned(7).expect("a package file");
        assert!(version.starts_with("7."), "{version}");
    }
}
