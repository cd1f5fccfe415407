//! The binary as a process that runs until it is stopped.
#![cfg(unix)]

use std::{
    path::{Path, PathBuf},
    process::Stdio,
};

use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStderr, Command},
};

use crate::command::{Ended, end_of, nest_wire};

/// A command that listens.
pub(crate) struct Running {
    child: Child,
    stderr: Lines<BufReader<ChildStderr>>,
    /// What it has printed on standard error so far.
    printed: String,
    /// Where it listens.
    pub(crate) address: String,
}

impl Running {
    /// Starts a command and waits until it listens.
    pub(crate) async fn start(args: &[&str]) -> Self {
        Self::of(nest_wire(args)).await
    }

    /// Starts a command that becomes the binary, and waits until it listens.
    pub(crate) async fn of(mut command: Command) -> Self {
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let mut child = command.spawn().expect("the binary runs");
        let stderr = child.stderr.take().expect("a pipe");
        let mut running = Self {
            child,
            stderr: BufReader::new(stderr).lines(),
            printed: String::new(),
            address: String::new(),
        };
        running.address = running.line_with("listening ").await.replacen("listening ", "", 1);
        running
    }

    /// Waits for a line on standard error that begins so.
    pub(crate) async fn line_with(&mut self, start: &str) -> String {
        while let Some(line) = self.stderr.next_line().await.expect("a pipe") {
            self.printed.push_str(&line);
            self.printed.push('\n');
            if line.starts_with(start) {
                return line;
            }
        }
        panic!("it ended without {start:?}: {}", self.printed);
    }

    /// Takes its standard output, to read or to close.
    pub(crate) fn take_stdout(&mut self) -> tokio::process::ChildStdout {
        self.child.stdout.take().expect("a pipe")
    }

    /// Its number as a process.
    pub(crate) fn id(&self) -> String {
        self.child.id().expect("it still runs").to_string()
    }

    /// Closes its standard error, which it goes on writing to. Returns its status at its end.
    pub(crate) fn with_stderr_closed(self) -> impl Future<Output = Option<i32>> {
        let Self { mut child, stderr, .. } = self;
        drop(stderr);
        async move { child.wait().await.expect("it ends").code() }
    }

    /// Stops it as Ctrl-C does, and returns how it ended.
    pub(crate) async fn interrupt(self) -> Ended {
        let id = self.id();
        let status = Command::new("kill").args(["-INT", &id]).status().await;
        assert!(status.expect("a kill command").success());
        self.ended().await
    }

    /// Waits for its end.
    pub(crate) async fn ended(mut self) -> Ended {
        let rest = async {
            let mut rest = String::new();
            while let Some(line) = self.stderr.next_line().await.expect("a pipe") {
                rest += &format!("{line}\n");
            }
            rest
        };
        let (rest, mut ended) = tokio::join!(rest, end_of(self.child));
        ended.stderr = self.printed + &rest;
        ended
    }
}

/// A folder for one test, empty.
pub(crate) fn folder(test: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{test}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).expect("a folder");
    folder
}

/// The path of a file in a folder, as text.
pub(crate) fn path(folder: &Path, file: &str) -> String {
    folder.join(file).to_str().expect("text").to_owned()
}
