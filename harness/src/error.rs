//! What can stand in the way of running real processes.

use std::{io, path::PathBuf, process::ExitStatus, time::Duration};

/// Why a process could not be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HarnessError {
    /// We are not in a checkout of the repository.
    #[error("there is no node-harness folder here or above: run this in a checkout of nest-wire")]
    NoFolder,
    /// A program that is needed is not installed.
    #[error("`{program}` cannot be run: is it installed?")]
    Missing {
        /// The program's name.
        program: String,
        #[source]
        /// What the system says.
        source: io::Error,
    },
    /// `npm ci` or `cargo build` failed.
    #[error("`{command}` failed ({status}):\n{log}")]
    Failed {
        /// What was run.
        command: String,
        /// How it ended.
        status: ExitStatus,
        /// What it printed on standard error.
        log: String,
    },
    /// A service ended before it listened.
    #[error("{name} ended before it listened:\n{log}")]
    Ended {
        /// The service.
        name: String,
        /// What it printed.
        log: String,
    },
    /// A service said nothing of where it listens.
    #[error("{name} did not start within {patience:?}:\n{log}")]
    NotListening {
        /// The service.
        name: String,
        /// How long it had.
        patience: Duration,
        /// What it printed.
        log: String,
    },
    /// A service never printed what was expected of it.
    #[error("{name} did not print {line:?} within {patience:?}:\n{log}")]
    NotPrinted {
        /// The service.
        name: String,
        /// The line.
        line: String,
        /// How long it had.
        patience: Duration,
        /// What it printed.
        log: String,
    },
    /// A file of the harness can't be read or written.
    #[error("{path}")]
    File {
        /// The file.
        path: PathBuf,
        #[source]
        /// What the system says.
        source: io::Error,
    },
}
