//! What can go wrong, and what each of it means to a shell: the only home of the exit statuses.

use std::{
    error::Error,
    io::{self, IsTerminal, Write},
    process::ExitCode,
};

use nest_wire::{client::CallError, json, packet::RawJson};

use crate::{
    data::DataError,
    demo::{DemoError, Signal},
};

/// The end of every `--help`.
pub(crate) const STATUSES: &str = "\
Exit status:
  0  all went well, also when whoever reads the output stops reading (| head)
  1  the service answered with an error, which is on standard error as JSON;
     demo: something was not as it should be
  2  wrong usage
  3  no connection, or it was lost before the answer
  4  no answer in time
  5  the output cannot be written
  128 and the number of the signal that ended the demo: 130 for Ctrl-C";

/// Why a command ends before its time.
#[derive(Debug)]
pub(crate) enum Failure {
    /// `DATA` is `-`, and standard input is of no use.
    Stdin(DataError),
    Call {
        error: CallError,
        address: String,
    },
    Output(io::Error),
    Demo(DemoError),
    Stopped(Signal),
}

impl Failure {
    /// Says what went wrong on standard error; gives the exit status.
    pub(crate) fn report(&self) -> ExitCode {
        if let Some(message) = self.message() {
            // If standard error is gone too, the status is all that is left to tell with.
            let _ = writeln!(io::stderr(), "{message}");
        }
        ExitCode::from(self.status())
    }

    fn status(&self) -> u8 {
        match self {
            // Whoever read our output has seen enough (`| head`): not our failure, and nobody to complain to.
            Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => 0,
            Self::Output(_) => 5,
            Self::Stdin(_) => 2,
            Self::Demo(_) => 1,
            Self::Stopped(signal) => 128 + signal.number(),
            Self::Call { error, .. } => match error {
                CallError::Rpc(_) | CallError::NoValue | CallError::Decode(_) => 1,
                CallError::MissingData
                | CallError::MissingPattern
                | CallError::Encode(_)
                | CallError::Unframeable(_) => 2,
                CallError::Connect(_) | CallError::ConnectionClosed(_) | CallError::Stopping | CallError::Closed => 3,
                CallError::Timeout(_) | CallError::Overloaded | CallError::StreamOverflow(_) => 4,
                _ => 1,
            },
        }
    }

    fn message(&self) -> Option<String> {
        Some(match self {
            Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => return None,
            Self::Output(error) => format!("the output cannot be written: {}", with_causes(error)),
            Self::Stdin(error) => format!("error: standard input: {}", with_causes(error)),
            // What a process has printed, the last part of some, ends with a newline of its own.
            Self::Demo(error) => format!("error: {}", with_causes(error).trim_end()),
            Self::Stopped(signal) => {
                // The terminal has echoed `^C` where the cursor stood.
                let new_line = match signal {
                    Signal::Interrupt if io::stderr().is_terminal() => "\n",
                    _ => "",
                };
                format!("{new_line}stopped: no process is left running")
            }
            Self::Call { error, address } => match error {
                CallError::Rpc(error) => as_javascript_writes(error.err()),
                CallError::Connect(cause) => {
                    let cause = cause.source().map(with_causes).unwrap_or_default();
                    format!("cannot connect to {address}: {cause}")
                }
                error => with_causes(error),
            },
        })
    }
}

impl From<DemoError> for Failure {
    fn from(error: DemoError) -> Self {
        Self::Demo(error)
    }
}

/// Only for what is written to standard output.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

/// The value as `JSON.stringify` would write it; as it came if it is nested deeper than we read.
fn as_javascript_writes(json: &RawJson) -> String {
    json::parse(json.as_str()).map_or_else(|_| json.to_string(), |value| value.to_string())
}

/// The error and all that led to it, on one line: no message of ours repeats its cause's.
fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
