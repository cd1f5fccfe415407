//! A client process that reads from standard input how many calls to make.

use std::{io, process::Stdio, time::Duration};

use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
    time::timeout,
};

use super::{Cores, Pinned};
use crate::usage;

/// Maximum time for a batch of calls.
const PATIENCE: Duration = Duration::from_secs(60);

/// A client. For a line with a number it makes that many calls, then it prints `done` and the
/// number.
#[derive(Debug)]
pub struct Driven {
    /// Killed when this value is dropped.
    _child: Child,
    process: u32,
    stdin: ChildStdin,
    stdout: Lines<BufReader<ChildStdout>>,
}

impl Driven {
    /// Starts `command`.
    ///
    /// # Errors
    /// Fails if the command cannot be run.
    pub fn start(mut command: Command, cores: Cores) -> io::Result<Self> {
        let pinned = Pinned::to(cores);
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        drop(pinned);
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
        Ok(Self {
            process: child.id().expect("it has not been waited for"),
            stdin: stdin.expect("a pipe"),
            stdout: BufReader::new(stdout.expect("a pipe")).lines(),
            _child: child,
        })
    }

    /// Lets the client make this number of calls, and returns the CPU time that it used for them.
    ///
    /// # Errors
    /// Fails if the client fails, for example because of a wrong reply, or is not done in time.
    pub async fn calls(&mut self, count: u64) -> io::Result<Duration> {
        let before = usage::cpu(self.process)?;
        self.stdin.write_all(format!("{count}\n").as_bytes()).await?;
        let said = timeout(PATIENCE, self.stdout.next_line()).await??;
        if said.as_deref() != Some(&format!("done {count}")) {
            return Err(io::Error::other(format!("the client said {said:?}")));
        }
        Ok(usage::cpu(self.process)? - before)
    }
}
