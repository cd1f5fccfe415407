//! The targets by name, and a way to run one on files.

use std::{env, fs, io};

use crate::{client_session, frame_decoder, json_values, packets, recordings, routes, server_session};

/// A function that panics if a promise is broken on its input.
pub type Target = fn(&[u8]);

/// All targets, with the names of their binaries and corpora.
pub const TARGETS: [(&str, Target); 7] = [
    ("client_session", client_session),
    ("frame_decoder", frame_decoder),
    ("json_values", json_values),
    ("packets", packets),
    ("recordings", recordings),
    ("routes", routes),
    ("server_session", server_session),
];

/// Runs a target on the files whose paths are the arguments of this process.
///
/// # Errors
/// Fails if a file cannot be read.
pub fn run_files(target: Target) -> io::Result<()> {
    for path in env::args_os().skip(1) {
        target(&fs::read(path)?);
    }
    Ok(())
}
