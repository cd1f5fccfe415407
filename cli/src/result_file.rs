//! Files with the result of a command: one line of JSON, whose `type` names the command.

use std::{
    fs::{self, File},
    io::{Read, Write},
    path::Path,
};

use serde::{Serialize, de::DeserializeOwned};

use crate::{
    failure::{Failure, Status, file_reason},
    record::file::{Existing, create, refuse_standard_output},
    traffic::text::json_line,
};

const FORCE: &str = "--force writes over it";

/// Checks, before a long run, that its result can be written.
///
/// # Errors
/// The file exists, and nobody has said that it may be written over; or it cannot be a file.
pub(crate) fn check(path: Option<&Path>, is_forced: bool) -> Result<(), Failure> {
    path.map_or(Ok(()), refuse_standard_output)?;
    match path {
        Some(path) if path.is_dir() => Err(Failure::usage(format_args!("{}: it is a directory", path.display()))),
        Some(path) if path.exists() && !is_forced => {
            let failure = Failure::usage(format_args!("{} exists", path.display()));
            Err(failure.hint(FORCE))
        }
        Some(path) if !folder(path).is_dir() => Err(Failure::usage(format_args!(
            "{}: no such folder",
            folder(path).display()
        ))),
        _ => Ok(()),
    }
}

fn folder(path: &Path) -> &Path {
    let folder = path.parent().unwrap_or(path);
    if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        folder
    }
}

/// Writes a result, if it is to be written.
pub(crate) fn write(path: Option<&Path>, is_forced: bool, result: &impl Serialize) -> Result<(), Failure> {
    let Some(path) = path else {
        return Ok(());
    };
    let mut file = create(path, Existing::forced(is_forced), FORCE)?;
    let written = writeln!(file, "{}", json_line(result));
    written.map_err(|error| {
        let reason = file_reason(&error);
        Failure::new(Status::Unwritable, format_args!("{}: {reason}", path.display()))
    })
}

/// Returns true if a file begins like a result of this command.
pub(crate) fn is(path: &Path, command: &str) -> bool {
    let expected = format!("{{\"type\":\"{command}\"");
    let mut begin = vec![0; expected.len()];
    let read = File::open(path).and_then(|mut file| file.read_exact(&mut begin));
    read.is_ok() && begin == expected.as_bytes()
}

/// Reads a result of this command.
///
/// # Errors
/// The file cannot be read, or is none.
pub(crate) fn read<T: DeserializeOwned>(path: &Path, command: &str) -> Result<T, Failure> {
    let name = path.display();
    let text = fs::read_to_string(path);
    let text = text.map_err(|error| Failure::usage(format_args!("{name}: {}", file_reason(&error))))?;
    serde_json::from_str(&text).map_err(|_| {
        let failure = Failure::usage(format_args!("{name}: not a result of nest-wire {command}"));
        failure.hint(format!("nest-wire {command} -o writes one"))
    })
}
