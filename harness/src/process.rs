//! A service in a process of its own, which dies with its guard.

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

/// How long a service may take to listen, or to print what is waited for: a crowded machine's worst.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long the system may take to clear away a killed process.
const CLEARED_WITHIN: Duration = Duration::from_secs(5);

/// A running service: one of the apps, or an example.
///
/// It ends when this is dropped: it is then gone, and its ports are free. Should this process die in another way, the
/// service notices that its standard input ends (`--with-parent`). If a test fails while it runs, what it printed is
/// shown.
#[derive(Debug)]
pub struct Service {
    name: String,
    addresses: Vec<SocketAddr>,
    child: Child,
    stdin: Option<ChildStdin>,
    printed: Printed,
}

/// What a process has printed, line by line.
#[derive(Debug, Clone)]
struct Printed {
    lines: Arc<Mutex<Vec<Line>>>,
    /// How many lines there are, or `None` once all output has ended.
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
    /// [`HarnessError::Missing`], [`HarnessError::Ended`] and [`HarnessError::NotListening`].
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

    /// The first address it listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.addresses[0]
    }

    /// What it has printed on standard output, but for where it listens.
    #[must_use]
    pub fn output(&self) -> Vec<String> {
        let is_output = |line: &String| address(line).is_none();
        self.lines().into_iter().filter(is_output).collect()
    }

    /// Ends the process by closing its standard input. Returns all that it has printed on standard output, but for where it
    /// listens. While it runs, [`output`](Self::output) misses what is still in the pipe.
    ///
    /// # Errors
    /// As [`ended`](Self::ended).
    pub async fn into_output(mut self) -> io::Result<Vec<String>> {
        self.let_go();
        self.ended().await?;
        Ok(self.output())
    }

    /// Waits until it has printed `line` on standard output.
    ///
    /// # Errors
    /// [`HarnessError::NotPrinted`].
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

    /// Closes the pipe to its standard input, as the end of this process would.
    pub fn let_go(&mut self) {
        self.stdin = None;
    }

    /// Kills the process, and waits until it and all its sockets are gone.
    ///
    /// # Errors
    /// As [`ended`](Self::ended).
    pub async fn kill(mut self) -> io::Result<()> {
        self.child.start_kill()?;
        self.ended().await.map(drop)
    }

    /// Waits until the process has ended, and all that it has printed is in its [log](Self::log).
    ///
    /// # Errors
    /// It does not end in time, or the system does not tell.
    pub async fn ended(&mut self) -> io::Result<ExitStatus> {
        let printed = self.printed.clone();
        let ended = async {
            let status = self.child.wait().await;
            printed.wait_for(|_| false).await;
            status
        };
        timeout(PATIENCE, ended).await?
    }

    /// The process's id, while it runs.
    #[must_use]
    pub fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// Everything it has printed.
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

    /// Kills the process and waits, a moment in general, until the system has cleared it away.
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
            // A process that failed says why on standard error: whoever learns of its end is to find that in the log.
            let _ = complaints.await;
            tell.send_replace(None);
        });
        printed
    }

    /// Waits for a line of standard output; false if it ends without one.
    async fn wait_for(&self, is_it: impl Fn(&str) -> bool) -> bool {
        let mut seen = self.seen.clone();
        loop {
            // Before looking, so that a line that comes meanwhile counts as a change.
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
