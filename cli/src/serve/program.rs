//! A program that answers: a process for each message.

use std::{ffi::OsString, fs, path::Path, process::Stdio, rc::Rc};

use nest_wire::{
    json::{self, Value},
    packet::{RawJson, RpcError},
};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    process::{Child, ChildStderr, Command},
    sync::Semaphore,
};

use super::{call::Call, connection::Replies};
use crate::{
    failure::{Failure, file_reason, say},
    traffic::text::{cut, printable},
};

/// Maximum number of processes at a time. Further messages wait.
const MAX_PROCESSES: usize = 64;
/// Maximum number of bytes of standard error that become a message.
const MAX_MESSAGE: u64 = 16 * 1024;
/// Maximum number of columns of a line that is quoted.
const QUOTED: usize = 200;

/// The program and its arguments.
#[derive(Debug)]
pub(super) struct Program {
    command: Vec<OsString>,
    processes: Semaphore,
}

/// Why a process gave no proper end.
enum Fault {
    /// For the log: the caller receives "Internal server error".
    Ours(String),
    /// What the program wrote to standard error, for the caller.
    Theirs(String),
}

impl Program {
    /// Checks that the program can be found.
    pub(super) fn new(command: Vec<OsString>) -> Result<Rc<Self>, Failure> {
        let program = command.first().cloned().unwrap_or_default();
        find(Path::new(&program))
            .map_err(|reason| Failure::usage(format_args!("cannot run {}: {reason}", program.display())))?;
        let processes = Semaphore::new(MAX_PROCESSES);
        Ok(Rc::new(Self { command, processes }))
    }

    /// Answers a message with what a process prints, each line as it comes.
    pub(super) async fn answer(&self, call: &Call, replies: &Replies) {
        let _permit = self.processes.acquire().await.expect("it is never closed");
        let error = match self.run(call, replies).await {
            Ok(()) => return replies.completion(call).await,
            Err(Fault::Theirs(message)) => RpcError::new(message),
            Err(Fault::Ours(reason)) => {
                say(format_args!(
                    "error: {}: {}",
                    self.command[0].display(),
                    printable(&reason)
                ));
                RpcError::internal()
            }
        };
        replies.error(call, error.err()).await;
    }

    async fn run(&self, call: &Call, replies: &Replies) -> Result<(), Fault> {
        let io = |what: &str, error: std::io::Error| Fault::Ours(format!("{what}: {}", file_reason(&error)));
        let mut child = self.start(call).map_err(|error| io("cannot be run", error))?;
        let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let data = call
            .packet
            .payload
            .as_ref()
            .map(RawJson::as_str)
            .unwrap_or_default()
            .to_owned();
        let feeding = async {
            if let Some(mut stdin) = stdin {
                // A program need not read what it is not interested in.
                let _ = stdin.write_all(data.as_bytes()).await;
                let _ = stdin.write_all(b"\n").await;
            }
        };
        let reading = async {
            let Some(stdout) = stdout else { return Ok(()) };
            let mut lines = BufReader::new(stdout).lines();
            while let Some(line) = lines.next_line().await.map_err(|error| io("its output", error))? {
                if line.trim().is_empty() {
                    continue;
                }
                let value = json::parse(&line)
                    .map_err(|_| Fault::Ours(format!("printed a line that is not JSON: {}", cut(&line, QUOTED))))?;
                replies.value(call, &value).await;
            }
            Ok(())
        };
        // All three at once: a pipe that nobody empties would hold the program up. A line that is
        // not JSON ends the process, which is killed when it is dropped.
        let (_, read, message) = tokio::join!(feeding, reading, message(stderr));
        read?;
        end(child, message).await
    }

    fn start(&self, call: &Call) -> std::io::Result<Child> {
        let text = |json: Option<&RawJson>| json.map(text_of).unwrap_or_default();
        Command::new(&self.command[0])
            .args(&self.command[1..])
            .env(
                "NEST_PATTERN",
                call.packet.pattern.as_ref().map(text_of).unwrap_or_default(),
            )
            .env("NEST_ID", text(call.packet.id.as_ref()))
            .env(
                "NEST_METADATA",
                call.packet
                    .metadata
                    .as_ref()
                    .map(ToString::to_string)
                    .unwrap_or_default(),
            )
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
    }
}

async fn end(mut child: Child, message: String) -> Result<(), Fault> {
    let status = child.wait().await.map_err(|error| Fault::Ours(file_reason(&error)))?;
    match (status.success(), message.trim()) {
        (true, _) => Ok(()),
        (false, "") => Err(Fault::Theirs(format!("the program ended with {status}"))),
        (false, message) => Err(Fault::Theirs(message.to_owned())),
    }
}

/// Reads standard error to its end. Returns the beginning.
async fn message(stderr: Option<ChildStderr>) -> String {
    let Some(stderr) = stderr else { return String::new() };
    let mut kept = Vec::new();
    let mut head = stderr.take(MAX_MESSAGE);
    // What cannot be read is no message.
    let _ = head.read_to_end(&mut kept).await;
    let _ = tokio::io::copy(&mut head.into_inner(), &mut tokio::io::sink()).await;
    String::from_utf8_lossy(&kept).into_owned()
}

/// Returns a string itself, and the JSON of any other value; without what no environment can hold.
fn text_of(json: &RawJson) -> String {
    let text = match json::parse(json.as_str()) {
        Ok(Value::String(text)) => text.to_string_lossy().into_owned(),
        _ => json.to_string(),
    };
    text.replace('\0', "\u{fffd}")
}

/// Looks a program up as the system would.
fn find(program: &Path) -> Result<(), String> {
    let is_path = program.components().count() > 1 || program.is_absolute();
    if is_path {
        return match fs::metadata(program) {
            Ok(found) if found.is_dir() => Err("it is a directory".to_owned()),
            Ok(found) if !is_executable(&found) => Err("it is not executable".to_owned()),
            Ok(_) => Ok(()),
            Err(error) => Err(file_reason(&error)),
        };
    }
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let is_there = |folder: std::path::PathBuf| {
        let found =
            fs::metadata(folder.join(program)).or_else(|_| fs::metadata(folder.join(program).with_extension("exe")));
        found.is_ok_and(|found| found.is_file() && is_executable(&found))
    };
    match std::env::split_paths(&folders).any(is_there) {
        true => Ok(()),
        false => Err("no such program in PATH".to_owned()),
    }
}

#[cfg(unix)]
fn is_executable(file: &fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt;
    file.permissions().mode() & 0o111 != 0
}

#[cfg(not(unix))]
fn is_executable(_: &fs::Metadata) -> bool {
    true
}
