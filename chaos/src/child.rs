//! A child process that communicates in lines and ends with its guard.

use std::{
    io,
    process::Stdio,
    sync::{Arc, Mutex, PoisonError},
    thread,
};

use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncWriteExt, BufReader},
    process::{ChildStdin, Command},
    sync::mpsc,
};

/// A running child process. Dropping it kills the process. If a test fails meanwhile, it prints the
/// process's standard error.
#[derive(Debug)]
pub struct Child {
    name: String,
    child: tokio::process::Child,
    complaints: Arc<Mutex<Vec<String>>>,
}

/// The lines that the child prints on standard output.
pub type Lines = mpsc::UnboundedReceiver<String>;

impl Child {
    /// Starts `command`. Returns its guard, its standard input and its standard output.
    ///
    /// # Errors
    /// Fails if the command cannot be run.
    pub fn start(name: impl Into<String>, mut command: Command) -> io::Result<(Self, ChildStdin, Lines)> {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let stdin = child.stdin.take().ok_or(io::ErrorKind::BrokenPipe)?;
        let (lines, printed) = mpsc::unbounded_channel();
        each_line(child.stdout.take(), move |line| {
            // The receiver may have been dropped.
            let _ = lines.send(line);
        });
        let complaints: Arc<Mutex<Vec<String>>> = Arc::default();
        let sink = Arc::clone(&complaints);
        each_line(child.stderr.take(), move |line| {
            sink.lock().unwrap_or_else(PoisonError::into_inner).push(line);
        });
        let name = name.into();
        Ok((
            Self {
                name,
                child,
                complaints,
            },
            stdin,
            printed,
        ))
    }

    /// Returns the process's id while it runs.
    #[must_use]
    pub fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// Returns what the process has printed on standard error.
    #[must_use]
    pub fn complaints(&self) -> String {
        self.complaints
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .join("\n")
    }
}

/// Writes one line to a child's standard input.
///
/// # Errors
/// Fails if the child has ended.
pub async fn tell(stdin: &mut ChildStdin, line: &str) -> io::Result<()> {
    stdin.write_all(format!("{line}\n").as_bytes()).await
}

impl Drop for Child {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("{} complained:\n{}", self.name, self.complaints());
        }
    }
}

fn each_line(from: Option<impl AsyncRead + Unpin + Send + 'static>, mut take: impl FnMut(String) + Send + 'static) {
    let Some(from) = from else { return };
    tokio::spawn(async move {
        let mut lines = BufReader::new(from).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            take(line);
        }
    });
}
