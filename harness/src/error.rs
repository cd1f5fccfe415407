//! Errors of starting and running real processes.

use std::{io, path::PathBuf, process::ExitStatus, time::Duration};

/// An error of a process or of its harness.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HarnessError {
    /// This is not a checkout of the repository.
    #[error("there is no node-harness folder here or above: run this in a checkout of nest-wire")]
    NoFolder,
    /// A required program is not installed.
    #[error("`{program}` cannot be run: is it installed?")]
    Missing {
        /// The program's name.
        program: String,
        #[source]
        /// The system's error.
        source: io::Error,
    },
    /// `npm ci` or `cargo build` failed.
    #[error("`{command}` failed ({status}):\n{log}")]
    Failed {
        /// The command.
        command: String,
        /// Its exit status.
        status: ExitStatus,
        /// Its output on standard error.
        log: String,
    },
    /// A service ended before it listened.
    #[error("{name} ended before it listened:\n{log}")]
    Ended {
        /// The service's name.
        name: String,
        /// Its output.
        log: String,
    },
    /// A service did not print its address in time.
    #[error("{name} did not start within {patience:?}:\n{log}")]
    NotListening {
        /// The service's name.
        name: String,
        /// The time that it had.
        patience: Duration,
        /// Its output.
        log: String,
    },
    /// A service did not print an expected line in time.
    #[error("{name} did not print {line:?} within {patience:?}:\n{log}")]
    NotPrinted {
        /// The service's name.
        name: String,
        /// The line.
        line: String,
        /// The time that it had.
        patience: Duration,
        /// Its output.
        log: String,
    },
    /// A file of the harness cannot be read or written.
    #[error("{path}")]
    File {
        /// The file.
        path: PathBuf,
        #[source]
        /// The system's error.
        source: io::Error,
    },
}
