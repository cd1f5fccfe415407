//! The servers: ours, real Nest, and one on bare tokio that does not parse.

use std::{io, net::SocketAddr, path::PathBuf, time::Duration};

use nest_wire_harness::{App, Harness, HarnessError, Service};
use tokio::process::Command;

use super::{Cores, Pinned};
use crate::{load::Exchange, usage};

/// A kind of server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// nest-wire, with all its features.
    Ours {
        /// Number of threads.
        workers: usize,
    },
    /// `@nestjs/microservices` of the newest major.
    Nest,
    /// tokio's sockets only: counts bytes and sends a canned reply for each request.
    Raw,
}

/// The paths of the compiled servers.
#[derive(Debug, Clone)]
pub struct Binaries {
    /// The bench-server of this crate.
    pub ours: PathBuf,
    /// The raw-server of this crate.
    pub raw: PathBuf,
}

/// A running server. It ends when this value is dropped.
#[derive(Debug)]
pub struct Server {
    service: Service,
    process: u32,
}

impl Server {
    /// Starts a server for this exchange. Only the raw server uses the exchange.
    ///
    /// # Errors
    /// Fails with [`HarnessError`].
    pub async fn start(
        kind: Kind,
        binaries: &Binaries,
        exchange: &Exchange,
        cores: Cores,
    ) -> Result<Self, HarnessError> {
        let command = match kind {
            Kind::Raw => raw(binaries, exchange),
            Kind::Ours { .. } | Kind::Nest => command(kind, binaries)?,
        };
        Self::spawn(format!("{kind:?}"), command, cores).await
    }

    /// Starts our server or Nest's with this number of further routes.
    ///
    /// # Errors
    /// Fails with [`HarnessError`].
    pub async fn start_with_routes(
        kind: Kind,
        binaries: &Binaries,
        routes: usize,
        cores: Cores,
    ) -> Result<Self, HarnessError> {
        let mut command = command(kind, binaries)?;
        command.args(["--routes", &routes.to_string()]);
        Self::spawn(format!("{kind:?}"), command, cores).await
    }

    /// Starts a raw server that replies to each request with the request's id.
    ///
    /// # Errors
    /// Fails with [`HarnessError`].
    pub async fn start_raw_with_ids(
        binaries: &Binaries,
        exchange: &Exchange,
        cores: Cores,
    ) -> Result<Self, HarnessError> {
        let mut command = raw(binaries, exchange);
        command.args(["--id-at", &exchange.asked_id_at().to_string()]);
        Self::spawn("raw with ids".to_owned(), command, cores).await
    }

    /// Starts a command that prints the address it listens on.
    ///
    /// # Errors
    /// Fails with [`HarnessError`].
    pub async fn spawn(name: String, command: Command, cores: Cores) -> Result<Self, HarnessError> {
        let pinned = Pinned::to(cores);
        // The process is forked from this thread, before the first await may move the task.
        let service = Service::start(name, command).await?;
        drop(pinned);
        let process = service.id().expect("it has just said that it listens");
        Ok(Self { service, process })
    }

    /// Returns the address that the server listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.service.address()
    }

    /// Returns the CPU time that the server has used so far.
    ///
    /// # Errors
    /// Fails if the server has died.
    pub fn cpu(&self) -> io::Result<Duration> {
        usage::cpu(self.process)
    }

    /// Returns the server's peak memory so far, in bytes.
    ///
    /// # Errors
    /// Fails if the server has died.
    pub fn peak_memory(&self) -> io::Result<u64> {
        usage::peak_memory(self.process)
    }

    /// Returns the server's current memory, in bytes.
    ///
    /// # Errors
    /// Fails if the server has died.
    pub fn memory(&self) -> io::Result<u64> {
        usage::memory(self.process)
    }

    /// Lets the server end by itself, and returns its whole output.
    ///
    /// # Errors
    /// Fails if the server does not end.
    pub async fn finish(mut self) -> io::Result<String> {
        self.service.let_go();
        self.service.ended().await?;
        // Another task reads the last output.
        tokio::task::yield_now().await;
        Ok(self.service.log())
    }
}

fn command(kind: Kind, binaries: &Binaries) -> Result<Command, HarnessError> {
    let mut command = match kind {
        Kind::Ours { .. } => Command::new(&binaries.ours),
        Kind::Nest => Harness::find()?.node(App::Bench, 12),
        Kind::Raw => Command::new(&binaries.raw),
    };
    if let Kind::Ours { workers } = kind {
        command.args(["--workers", &workers.to_string()]);
    }
    Ok(command)
}

fn raw(binaries: &Binaries, exchange: &Exchange) -> Command {
    let mut command = Command::new(&binaries.raw);
    command
        .args(["--request-bytes", &exchange.asked_bytes().to_string()])
        .args(["--reply", &exchange.canned_answer()]);
    command
}
