//! A proxy in a process of its own.

use std::{error::Error, io, net::SocketAddr, path::Path, process::Stdio, time::Duration};

use nest_wire_benches::{
    peers::{Cores, Pinned},
    usage,
};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
};

/// A running proxy. It is killed when this value is dropped.
pub(crate) struct Relay {
    child: Child,
    address: SocketAddr,
}

impl Relay {
    /// Starts the proxy that only copies.
    pub(crate) async fn bare(binary: &Path, service: SocketAddr, cores: Cores) -> Result<Self, Box<dyn Error>> {
        let mut command = Command::new(binary);
        command.args(["--to", &service.to_string()]);
        Self::start(command, cores).await
    }

    /// Starts `nest-wire record`, which writes to a file in the folder for temporary files.
    pub(crate) async fn record(binary: &Path, service: SocketAddr, cores: Cores) -> Result<Self, Box<dyn Error>> {
        let file = std::env::temp_dir().join(format!("relay-bench-{}.jsonl", std::process::id()));
        let mut command = Command::new(binary);
        command
            .args(["record", "--quiet", "--force", "--listen", "127.0.0.1:0"])
            .args(["--to", &service.to_string(), "--output"])
            .arg(file);
        Self::start(command, cores).await
    }

    /// Starts `nest-wire bridge`.
    pub(crate) async fn bridge(binary: &Path, service: SocketAddr, cores: Cores) -> Result<Self, Box<dyn Error>> {
        let mut command = Command::new(binary);
        command.args(["bridge", "--listen", "127.0.0.1:0", "--to", &service.to_string()]);
        Self::start(command, cores).await
    }

    /// Starts `nest-wire shadow`, whose candidate is the service too.
    pub(crate) async fn shadow(binary: &Path, service: SocketAddr, cores: Cores) -> Result<Self, Box<dyn Error>> {
        let mut command = Command::new(binary);
        let service = service.to_string();
        command.args([
            "shadow",
            "--listen",
            "127.0.0.1:0",
            "--primary",
            &service,
            "--candidate",
            &service,
        ]);
        command.stdout(Stdio::null());
        Self::start(command, cores).await
    }

    async fn start(mut command: Command, cores: Cores) -> Result<Self, Box<dyn Error>> {
        let pinned = Pinned::to(cores);
        let mut child = command.stderr(Stdio::piped()).kill_on_drop(true).spawn()?;
        drop(pinned);
        let stderr = child.stderr.take().expect("a pipe");
        let mut lines = BufReader::new(stderr).lines();
        let line = lines.next_line().await?.unwrap_or_default();
        let address = line.strip_prefix("listening ").ok_or(line.clone())?.parse()?;
        Ok(Self { child, address })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the CPU time of all threads of the process.
    pub(crate) fn cpu(&self) -> io::Result<Duration> {
        usage::cpu(self.child.id().expect("it runs"))
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        let file = std::env::temp_dir().join(format!("relay-bench-{}.jsonl", std::process::id()));
        let _ = std::fs::remove_file(file);
    }
}
