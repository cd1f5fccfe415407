//! A child process that talks in lines, and ends with its guard.

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

/// A running child process. It is killed when this is dropped; if a test fails meanwhile, what it has complained about on
/// standard error is shown.
#[derive(Debug)]
pub struct Child {
    name: String,
    child: tokio::process::Child,
    complaints: Arc<Mutex<Vec<String>>>,
}

/// What the child prints on standard output, line by line.
pub type Lines = mpsc::UnboundedReceiver<String>;

impl Child {
    /// Starts `command`. Returns its guard, its standard input and its standard output.
    ///
    /// # Errors
    /// It can't be run.
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
            // Nobody may be interested any more.
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

    /// The process's id, while it runs.
    #[must_use]
    pub fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// What it has printed on standard error.
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
/// The child has ended.
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
