//! Starts the services of both implementations.

use std::{error::Error, fmt};

use nest_wire_harness::{App, Examples, Harness, HarnessError, Service};
use tokio::{process::Command, sync::OnceCell};

/// Built once for all tests of a process. It need not be dropped, since services belong to their
/// tests.
static STAGE: OnceCell<Environment> = OnceCell::const_new();

/// The flags of `cargo test --workspace --all-features`. With them cargo does not rebuild.
const CARGO_FLAGS: &[&str] = &["--workspace", "--all-features"];

/// All majors of Nest, installed, and our examples, built.
#[derive(Debug)]
pub struct Environment {
    harness: Harness,
    examples: Examples,
}

/// An implementation of a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Implementation {
    /// Real Nest of this major.
    Nest(u8),
    /// This crate.
    Rust,
}

impl Environment {
    /// Returns the environment, which the first caller sets up.
    ///
    /// # Panics
    /// Panics if Node, npm or cargo are missing or fail.
    pub async fn ready() -> &'static Self {
        STAGE
            .get_or_init(async || Self::set_up().await.unwrap_or_else(|error| give_up(&error)))
            .await
    }

    async fn set_up() -> Result<Self, HarnessError> {
        let harness = Harness::find()?;
        harness.install(&Harness::MAJORS, |_| {}).await?;
        let examples = Examples::build(&harness, CARGO_FLAGS).await?;
        Ok(Self { harness, examples })
    }

    /// Starts a service on a free port.
    ///
    /// # Panics
    /// Panics with the service's output if it does not start.
    pub async fn start(&self, app: App, make: Implementation, flags: &[&str]) -> Service {
        self.start_on(0, app, make, flags).await
    }

    /// Starts a service on `port`.
    ///
    /// # Panics
    /// Panics as [`start`](Self::start) does.
    pub async fn start_on(&self, port: u16, app: App, make: Implementation, flags: &[&str]) -> Service {
        let mut command = self.command(app, make);
        command.args(["--port", &port.to_string()]).args(flags);
        Service::start(format!("{app:?} ({make})"), command)
            .await
            .unwrap_or_else(|error| give_up(&error))
    }

    /// Starts a service of Nest 12 on this version of Node, on a free port.
    ///
    /// # Panics
    /// Panics as [`start`](Self::start) does.
    #[cfg(all(target_os = "linux", target_arch = "x86_64"))]
    pub async fn start_on_node(&self, node: &crate::Node, app: App, flags: &[&str]) -> Service {
        let mut command = node.command(&self.harness, app);
        command.args(["--port", "0"]).args(flags);
        Service::start(format!("{app:?} on {node:?}"), command)
            .await
            .unwrap_or_else(|error| give_up(&error))
    }

    /// Starts the tutorial's HTTP service in front of the service on `user_port` of 127.0.0.1.
    ///
    /// # Panics
    /// Panics as [`start`](Self::start) does.
    pub async fn start_main(&self, make: Implementation, user_port: u16) -> Service {
        let port = user_port.to_string();
        self.start(App::Main, make, &["--user-port", &port, "--user-host", "127.0.0.1"])
            .await
    }

    /// Starts one of our examples on a free port.
    ///
    /// # Panics
    /// Panics as [`start`](Self::start) does, and if there is no such example.
    pub async fn start_example(&self, name: &str) -> Service {
        self.start_example_with(name, &[]).await
    }

    /// Starts one of our examples like [`start_example`](Self::start_example), with these flags.
    ///
    /// # Panics
    /// Panics as [`start_example`](Self::start_example) does.
    pub async fn start_example_with(&self, name: &str, flags: &[&str]) -> Service {
        let mut command = self.examples.command(name);
        command.args(["--port", "0"]).args(flags);
        Service::start(name, command)
            .await
            .unwrap_or_else(|error| give_up(&error))
    }

    /// Returns the command that starts `app`, without flags.
    #[must_use]
    pub fn command(&self, app: App, make: Implementation) -> Command {
        match make {
            Implementation::Nest(major) => self.harness.node(app, major),
            Implementation::Rust => self.examples.command(example(app)),
        }
    }

    /// Returns the folder of the Node side.
    #[must_use]
    pub fn harness(&self) -> &Harness {
        &self.harness
    }
}

/// Returns the name of our counterpart of a program on Node.
fn example(app: App) -> &'static str {
    match app {
        App::User => "microservice_test_user",
        App::Main => "microservice_test_main",
        App::Conformance => "conformance_service",
        App::Guide => "coming_from_nest",
        other => panic!("there is no example like {other:?}"),
    }
}

fn give_up(error: &HarnessError) -> ! {
    match error.source() {
        Some(source) => panic!("{error}: {source}"),
        None => panic!("{error}"),
    }
}

impl fmt::Display for Implementation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nest(major) => write!(f, "Nest {major}"),
            Self::Rust => f.write_str("Rust"),
        }
    }
}
