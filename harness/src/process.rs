//! A service in a process of its own, which ends with its guard.

use std::{
    io,
    net::SocketAddr,
    process::{ExitStatus, Stdio},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncBufReadExt, AsyncRead, BufReader},
    process::{Child, ChildStdin, Command},
    sync::watch,
    time::timeout,
};

use crate::HarnessError;

/// Maximum time for a service to listen, or to print an expected line, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Maximum time for the system to clear away a killed process.
const CLEARED_WITHIN: Duration = Duration::from_secs(5);

/// A running service: one of the apps, or an example.
///
/// Dropping it ends the service and frees its ports. If this process dies in another way, the
/// service ends with its standard input (`--with-parent`). If a test fails while the service runs,
/// its output is printed.
#[derive(Debug)]
pub struct Service {
    name: String,
    addresses: Vec<SocketAddr>,
    child: Child,
    stdin: Option<ChildStdin>,
    printed: Printed,
}

/// The lines that a process has printed.
#[derive(Debug, Clone)]
struct Printed {
    lines: Arc<Mutex<Vec<Line>>>,
    /// Number of lines, or `None` once all output has ended.
    seen: watch::Receiver<Option<usize>>,
}

#[derive(Debug)]
enum Line {
    Out(String),
    Err(String),
}

impl Service {
    /// Starts `command` with `--with-parent`, and waits until it listens.
    ///
    /// # Errors
    /// Fails with [`HarnessError::Missing`], [`HarnessError::Ended`] or
    /// [`HarnessError::NotListening`].
    pub async fn start(name: impl Into<String>, mut command: Command) -> Result<Self, HarnessError> {
        let name = name.into();
        command
            .arg("--with-parent")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let program = command.as_std().get_program().to_string_lossy().into_owned();
        let mut child = command
            .spawn()
            .map_err(|source| HarnessError::Missing { program, source })?;
        let printed = Printed::follow(child.stdout.take(), child.stderr.take());
        let mut service = Self {
            name,
            addresses: Vec::new(),
            stdin: child.stdin.take(),
            child,
            printed,
        };
        service.addresses = service.listening().await?;
        Ok(service)
    }

    async fn listening(&self) -> Result<Vec<SocketAddr>, HarnessError> {
        let first = self.printed.wait_for(|line| address(line).is_some());
        let (name, patience) = (self.name.clone(), PATIENCE);
        match timeout(PATIENCE, first).await {
            Ok(true) => {}
            Ok(false) => return Err(HarnessError::Ended { name, log: self.log() }),
            Err(_) => {
                let log = self.log();
                return Err(HarnessError::NotListening { name, patience, log });
            }
        }
        Ok(self.lines().iter().filter_map(|line| address(line)).collect())
    }

    /// Returns the first address that the service listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.addresses[0]
    }

    /// Returns the service's standard output so far, without the lines with its addresses.
    #[must_use]
    pub fn output(&self) -> Vec<String> {
        let is_output = |line: &String| address(line).is_none();
        self.lines().into_iter().filter(is_output).collect()
    }

    /// Ends the process by closing its standard input. Returns its whole standard output, without
    /// the lines with its addresses. While the process runs, [`output`](Self::output) misses what
    /// is still in the pipe.
    ///
    /// # Errors
    /// Fails as [`ended`](Self::ended) does.
    pub async fn into_output(mut self) -> io::Result<Vec<String>> {
        self.let_go();
        self.ended().await?;
        Ok(self.output())
    }

    /// Waits until the service has printed `line` on standard output.
    ///
    /// # Errors
    /// Fails with [`HarnessError::NotPrinted`].
    pub async fn wait_for_line(&self, line: &str) -> Result<(), HarnessError> {
        match timeout(PATIENCE, self.printed.wait_for(|printed| printed == line)).await {
            Ok(true) => Ok(()),
            _ => Err(HarnessError::NotPrinted {
                name: self.name.clone(),
                line: line.to_owned(),
                patience: PATIENCE,
                log: self.log(),
            }),
        }
    }

    /// Closes the pipe to the service's standard input, as the end of this process would.
    pub fn let_go(&mut self) {
        self.stdin = None;
    }

    /// Kills the process, and waits until it and all its sockets are gone.
    ///
    /// # Errors
    /// Fails as [`ended`](Self::ended) does.
    pub async fn kill(mut self) -> io::Result<()> {
        self.child.start_kill()?;
        self.ended().await.map(drop)
    }

    /// Waits until the process has ended and its whole output is in its [log](Self::log).
    ///
    /// # Errors
    /// Fails if the process does not end in time, or if the system does not report its end.
    pub async fn ended(&mut self) -> io::Result<ExitStatus> {
        let printed = self.printed.clone();
        let ended = async {
            let status = self.child.wait().await;
            printed.wait_for(|_| false).await;
            status
        };
        timeout(PATIENCE, ended).await?
    }

    /// Returns the process's id while it runs.
    #[must_use]
    pub fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// Returns everything that the process has printed.
    #[must_use]
    pub fn log(&self) -> String {
        let show = |line: &Line| match line {
            Line::Out(line) => format!("  {line}\n"),
            Line::Err(line) => format!("! {line}\n"),
        };
        self.printed.lock().iter().map(show).collect()
    }

    fn lines(&self) -> Vec<String> {
        self.printed.output()
    }

    /// Kills the process and waits, usually a moment, until the system has cleared it away.
    fn end(&mut self) {
        let last = Instant::now() + CLEARED_WITHIN;
        if self.child.start_kill().is_ok() {
            while matches!(self.child.try_wait(), Ok(None)) && Instant::now() < last {
                thread::sleep(Duration::from_millis(1));
            }
        }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("{} printed:\n{}", self.name, self.log());
        }
        self.end();
    }
}

impl Printed {
    fn follow(
        stdout: Option<impl AsyncRead + Unpin + Send + 'static>,
        stderr: Option<impl AsyncRead + Unpin + Send + 'static>,
    ) -> Self {
        let lines: Arc<Mutex<Vec<Line>>> = Arc::default();
        let (tell, seen) = watch::channel(Some(0));
        let printed = Self { lines, seen };
        let (in_stdout, in_stderr) = (printed.clone(), printed.clone());
        let complaints = tokio::spawn(async move {
            each_line(stderr, |line| in_stderr.lock().push(Line::Err(line))).await;
        });
        tokio::spawn(async move {
            each_line(stdout, |line| {
                let mut lines = in_stdout.lock();
                lines.push(Line::Out(line));
                tell.send_replace(Some(lines.len()));
            })
            .await;
            // A process that failed prints the reason on standard error, so the log must be
            // complete before its end is reported.
            let _ = complaints.await;
            tell.send_replace(None);
        });
        printed
    }

    /// Waits for a line of standard output. Returns false if the output ends without it.
    async fn wait_for(&self, is_it: impl Fn(&str) -> bool) -> bool {
        let mut seen = self.seen.clone();
        loop {
            // Borrow before the search, so that a line that arrives meanwhile counts as a change.
            let has_ended = seen.borrow_and_update().is_none();
            if self.output().iter().any(|line| is_it(line)) {
                return true;
            }
            if has_ended || seen.changed().await.is_err() {
                return false;
            }
        }
    }

    fn output(&self) -> Vec<String> {
        let text = |line: &Line| match line {
            Line::Out(line) => Some(line.clone()),
            Line::Err(_) => None,
        };
        self.lock().iter().filter_map(text).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Line>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn each_line(from: Option<impl AsyncRead + Unpin>, mut take: impl FnMut(String)) {
    let Some(from) = from else {
        return;
    };
    let mut lines = BufReader::new(from).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        take(line);
    }
}

fn address(line: &str) -> Option<SocketAddr> {
    line.strip_prefix("listening ")?.parse().ok()
}
