//! What can go wrong, and what each of it means to a shell: the only home of the exit statuses.

use std::{
    error::Error,
    io::{self, IsTerminal, Write},
    process::ExitCode,
};

use nest_wire::{client::CallError, json, packet::RawJson};

use crate::{data::DataError, demo::DemoError, signals::Signal};

/// The end of every `--help`.
pub(crate) const STATUSES: &str = "\
Exit status:
  0  all went well, also when the reader of the output went away (| head)
  1  the other side answered, and not as wanted: an error, a difference,
     an unknown request, a broken frame
  2  wrong usage, or a file that cannot be used
  3  no connection, or it was lost; an address that is taken
  4  no answer in time
  5  the output cannot be written
  128 and the number of a signal that ended the command: 130 for Ctrl-C
With several failures the lowest of these counts, but 2 before all others.";

/// What an outcome means to a shell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Status {
    /// The other side answered, and not as wanted.
    Unwanted = 1,
    /// Wrong usage, or a file that cannot be used.
    Usage = 2,
    /// No connection, or it was lost; an address that is taken.
    Connection = 3,
    /// The output cannot be written.
    Output = 5,
}

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
    /// A message, and the one likely remedy if there is one.
    Message {
        status: Status,
        text: String,
        hint: Option<String>,
    },
    /// The command has said everything already.
    Said(Status),
    Demo(DemoError),
    Stopped(Signal),
}

impl Failure {
    pub(crate) fn new(status: Status, text: impl Into<String>) -> Self {
        Self::Message {
            status,
            text: text.into(),
            hint: None,
        }
    }

    /// Adds the one likely remedy.
    pub(crate) fn hint(self, remedy: impl Into<String>) -> Self {
        match self {
            Self::Message { status, text, .. } => Self::Message {
                status,
                text,
                hint: Some(remedy.into()),
            },
            other => other,
        }
    }

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
            Self::Message { status, .. } | Self::Said(status) => *status as u8,
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
            Self::Said(_) => return None,
            Self::Message { text, hint: None, .. } => format!("error: {text}"),
            Self::Message {
                text, hint: Some(hint), ..
            } => format!("error: {text}\nhint: {hint}"),
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
pub(crate) fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
