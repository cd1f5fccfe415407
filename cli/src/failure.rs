//! What can go wrong, and what each of it means to a shell: the only home of the exit statuses.
//!
//! A failure is one line, `error: WHAT: WHY`, and where there is one likely remedy a second one,
//! `hint: …`.

use std::{
    error::Error,
    fmt::Display,
    io::{self, IsTerminal, Write},
    process::ExitCode,
};

use crate::{demo::DemoError, signals::Signal};

/// The end of every `--help`.
pub(crate) const STATUSES: &str = "\
Exit status:
  0  all went well, also when the reader of the output goes away (| head)
  1  the other side answered, and not as wanted: an error (on standard error as
     JSON), a difference, an expectation that was missed, a broken frame
  2  wrong usage, or a file that cannot be used
  3  no connection, or it was lost before the answer; an address that is taken
  4  no answer in time
  5  the output cannot be written
  130, 143, 129  ended by Ctrl-C, kill or hang-up
Of several failures the lowest status counts, except that 2 always does.";

/// The meaning of an exit status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    /// 0: the reader of standard output has seen enough.
    Enough,
    /// 1: the other side answered, and not as wanted.
    Unwanted,
    /// 2: wrong usage, or a file that cannot be used.
    Usage,
    /// 3: no connection, or it was lost; an address that is taken.
    NoConnection,
    /// 4: no answer in time.
    Late,
    /// 5: the output cannot be written.
    Unwritable,
    /// 128 and the number of a signal.
    Stopped(Signal),
}

impl Status {
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Enough => 0,
            Self::Unwanted => 1,
            Self::Usage => 2,
            Self::NoConnection => 3,
            Self::Late => 4,
            Self::Unwritable => 5,
            Self::Stopped(signal) => 128 + signal.number(),
        }
    }

    /// Returns the status of a command of which two parts failed.
    pub(crate) fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Usage, _) | (_, Self::Usage) => Self::Usage,
            (Self::Enough, other) => other,
            (this, Self::Enough) => this,
            _ if other.code() < self.code() => other,
            _ => self,
        }
    }
}

/// Why a command ends before its time, or with another status than 0.
#[derive(Debug)]
pub(crate) struct Failure {
    status: Status,
    /// `None` for a failure that has been reported already, or that nobody wants to read.
    message: Option<String>,
    hint: Option<String>,
}

impl Failure {
    /// Returns a failure that is reported as `error: ` and this message.
    pub(crate) fn new(status: Status, message: impl Display) -> Self {
        Self::verbatim(status, format!("error: {message}"))
    }

    /// Returns a failure whose message is written as it is: the JSON of a service's error.
    pub(crate) fn verbatim(status: Status, message: impl Into<String>) -> Self {
        let message = Some(message.into());
        let hint = None;
        Self { status, message, hint }
    }

    /// Returns a failure that says nothing: its parts have been reported.
    pub(crate) fn silent(status: Status) -> Self {
        let (message, hint) = (None, None);
        Self { status, message, hint }
    }

    /// Returns the failure of wrong usage that only shows when the command runs.
    pub(crate) fn usage(message: impl Display) -> Self {
        Self::new(Status::Usage, message)
    }

    /// Returns the failure of an address at which nothing can listen.
    pub(crate) fn cannot_listen(address: impl Display, error: &io::Error) -> Self {
        let message = |reason: &str| format!("cannot listen on {address}: {reason}");
        match error.kind() {
            io::ErrorKind::AddrInUse => {
                Self::new(Status::NoConnection, message("it is taken")).hint("--listen 0 picks a free port")
            }
            _ => Self::new(Status::NoConnection, message(&with_causes(error))),
        }
    }

    /// Returns the end by a signal, and what there is to say of it.
    pub(crate) fn stopped(signal: Signal, what: &str) -> Self {
        // The terminal has echoed `^C` where the cursor stood.
        let new_line = match signal {
            Signal::Interrupt if io::stderr().is_terminal() => "\n",
            _ => "",
        };
        Self::verbatim(Status::Stopped(signal), format!("{new_line}stopped: {what}"))
    }

    /// Adds the one likely remedy.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds what has been done until it was given up.
    pub(crate) fn after(mut self, effort: &str) -> Self {
        self.message = self.message.map(|message| format!("{message} ({effort})"));
        self
    }

    /// Adds what failed.
    pub(crate) fn of(mut self, what: &str) -> Self {
        let message = self.message().map(|message| format!("error: {what}: {message}"));
        self.message = message;
        self
    }

    /// Adds which of several calls it was.
    pub(crate) fn of_call(mut self, number: u64) -> Self {
        let message = self.message().map(|message| format!("error: call {number}: {message}"));
        self.message = message;
        self
    }

    pub(crate) fn status(&self) -> Status {
        self.status
    }

    /// Returns the message as a report in another form than a line on standard error shows it.
    pub(crate) fn message(&self) -> Option<&str> {
        let message = self.message.as_deref()?;
        Some(message.strip_prefix("error: ").unwrap_or(message))
    }

    /// Writes what went wrong to standard error. Returns the exit status.
    pub(crate) fn report(&self) -> ExitCode {
        self.print();
        ExitCode::from(self.status.code())
    }

    /// Writes what went wrong to standard error, of a command that goes on.
    pub(crate) fn print(&self) {
        let hint = self.hint.as_deref().map(|hint| format!("hint: {hint}"));
        for line in self.message.iter().chain(&hint) {
            // If standard error is gone too, the status is all that is left.
            let _ = writeln!(io::stderr(), "{line}");
        }
    }
}

impl From<DemoError> for Failure {
    fn from(error: DemoError) -> Self {
        // What a process has printed, the last part of some, ends with a newline of its own.
        Self::new(Status::Unwanted, with_causes(&error).trim_end())
    }
}

/// Only for what is written to standard output.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            // The reader of our output has seen enough (`| head`) and went away.
            io::ErrorKind::BrokenPipe => Self::silent(Status::Enough),
            _ => Self::new(
                Status::Unwritable,
                format_args!("the output cannot be written: {}", file_reason(&error)),
            ),
        }
    }
}

/// Writes a warning to standard error: it changes no status.
pub(crate) fn warn(message: impl Display) {
    say(format_args!("warning: {message}"));
}

/// Writes a line to standard error. `eprintln!` would panic where nobody reads it any more
/// (`2>&1 | head`), and a recording would be lost.
pub(crate) fn say(line: impl Display) {
    let _ = writeln!(io::stderr(), "{line}");
}

/// Returns why a file cannot be used, without the number that the system has for it.
pub(crate) fn file_reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::AlreadyExists => "it exists".to_owned(),
        io::ErrorKind::NotFound => "no such file".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        io::ErrorKind::IsADirectory => "it is a directory".to_owned(),
        io::ErrorKind::StorageFull => "no space left".to_owned(),
        _ => with_causes(error),
    }
}

/// Returns the error and all that led to it, on one line: no message of ours repeats its cause's.
pub(crate) fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_several_failures_the_lowest_counts_and_usage_always() {
        use Status::{Enough, Late, NoConnection, Unwanted, Usage};
        for (one, other, both) in [
            (Unwanted, Late, Unwanted),
            (Late, NoConnection, NoConnection),
            (Unwanted, Usage, Usage),
            (Enough, Late, Late),
            (Late, Late, Late),
        ] {
            assert_eq!(one.and(other), both);
            assert_eq!(other.and(one), both);
        }
    }

    #[test]
    fn a_message_in_a_report_does_not_say_that_it_is_an_error() {
        let failure = Failure::usage("no such thing").hint("another");
        assert_eq!(failure.message(), Some("no such thing"));
        assert_eq!(Failure::silent(Status::Late).message(), None);
    }
}
