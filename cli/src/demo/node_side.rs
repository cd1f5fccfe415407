//! The tutorial's services on Node: their programs are part of this one, and are written into the user's cache directory,
//! where their packages are installed.

use std::{
    fs,
    hash::{DefaultHasher, Hash, Hasher},
    io,
    path::{Path, PathBuf},
};

use etcetera::{BaseStrategy, choose_base_strategy};
use nest_wire_harness::{Harness, HarnessError};

use super::DemoError;

macro_rules! files {
    ($($path:literal),* $(,)?) => {
        &[$(($path, include_str!(concat!("../../../node-harness/", $path)))),*]
    };
}

/// What `node-harness` has of the two services, by its path in there.
const FILES: &[(&str, &str)] = files![
    "apps/microservice-test-main.mjs",
    "apps/microservice-test-user.mjs",
    "decorate.mjs",
    "nest-12/package-lock.json",
    "nest-12/package.json",
    "nest.mjs",
    "options.mjs",
    "service.mjs",
];

/// Writes the programs to where they belong, if they are not there yet.
pub(super) fn unpack() -> Result<Harness, DemoError> {
    let folder = choose_base_strategy()
        .map_err(|_| DemoError::NoCache)?
        .cache_dir()
        .join("nest-wire")
        .join(name());
    for (path, text) in FILES {
        write(&folder.join(path), text).map_err(|(path, source)| HarnessError::File { path, source })?;
    }
    Ok(Harness::at(folder))
}

/// Another folder for each other set of files: one that another version of this program uses stays as it is.
fn name() -> String {
    let mut hasher = DefaultHasher::new();
    FILES.hash(&mut hasher);
    format!("demo-{:016x}", hasher.finish())
}

/// Another demo may be reading the file, or writing it: it is there whole, or not at all.
fn write(path: &Path, text: &str) -> Result<(), (PathBuf, io::Error)> {
    if fs::read(path).is_ok_and(|present| present == text.as_bytes()) {
        return Ok(());
    }
    let failed = |source| (path.to_owned(), source);
    fs::create_dir_all(path.parent().unwrap_or(path)).map_err(failed)?;
    let draft = path.with_extension(format!("{}.tmp", std::process::id()));
    fs::write(&draft, text).map_err(failed)?;
    fs::rename(&draft, path).map_err(failed)
}
