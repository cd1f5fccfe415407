//! The files of a project.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::{seen::Patterns, sources::Sources, types::literal};
use crate::failure::{Failure, Status, file_reason};

/// What a project is made of.
pub(super) struct Project<'p> {
    pub(super) name: &'p str,
    /// The folder of the crate nest-wire; crates.io if absent.
    pub(super) nest_wire: Option<&'p Path>,
    pub(super) patterns: &'p Patterns,
    pub(super) recording: Vec<u8>,
}

impl Project<'_> {
    /// Writes the project into this folder, which does not exist. After a failure it does not exist
    /// either.
    pub(super) fn write(&self, folder: &Path) -> Result<(), Failure> {
        let failed = |path: &Path, error: &io::Error| {
            let what = format!("{} cannot be written: {}", path.display(), file_reason(error));
            Failure::new(Status::Unwritable, what)
        };
        // Not create_dir_all: another process may have made it since it was looked for.
        fs::create_dir(folder).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => Failure::usage(format_args!("{}: it exists", folder.display())),
            _ => failed(folder, &error),
        })?;
        for (file, text) in self.files() {
            let path = folder.join(file);
            let written = match path.parent() {
                Some(parent) => fs::create_dir_all(parent).and_then(|()| fs::write(&path, text)),
                None => fs::write(&path, text),
            };
            if let Err(error) = written {
                let _ = fs::remove_dir_all(folder);
                return Err(failed(&path, &error));
            }
        }
        Ok(())
    }

    fn files(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let sources = Sources::of(self.patterns);
        let module = self.name.replace('-', "_");
        let of_crate = |text: &str| text.replace("CRATE", &module);
        let of_name = |text: &str| text.replace("NAME", self.name);
        let files = [
            ("Cargo.toml", self.manifest()),
            ("README.md", of_name(include_str!("template/README.md"))),
            ("Dockerfile", of_name(include_str!("template/Dockerfile"))),
            (".dockerignore", "target\n".to_owned()),
            (".gitignore", "/target\n".to_owned()),
            ("src/lib.rs", LIBRARY.to_owned()),
            ("src/main.rs", of_crate(include_str!("template/main.rs"))),
            (
                "src/settings.rs",
                include_str!("../../../examples/service/src/settings.rs").to_owned(),
            ),
            (
                "src/signals.rs",
                include_str!("../../../examples/service/src/signals.rs").to_owned(),
            ),
            ("src/contracts.rs", sources.contracts),
            ("src/handlers.rs", sources.handlers),
            ("src/types.rs", sources.types),
            ("tests/replay.rs", of_crate(include_str!("template/replay.rs"))),
        ];
        let files = files.map(|(path, text)| (PathBuf::from(path), text.into_bytes()));
        let recording = (PathBuf::from("tests/recording.jsonl"), self.recording.clone());
        files.into_iter().chain([recording]).collect()
    }

    fn manifest(&self) -> String {
        let version = literal(env!("CARGO_PKG_VERSION"));
        let source = match self.nest_wire {
            Some(path) => format!("{{ path = {} }}", literal(&path.display().to_string())),
            None => version,
        };
        format!(
            "[package]\nname = \"{}\"\nversion = \"0.1.0\"\nedition = \"2024\"\npublish = false\n\n# Not part of a workspace \
             around it.\n[workspace]\n\n[dependencies]\nnest-wire = {source}\nserde = {{ version = \"1.0\", features = \
             [\"derive\"] }}\nserde_json = \"1.0\"\ntokio = {{ version = \"1.54\", features = [\"io-util\", \"macros\", \"net\", \
             \"rt-multi-thread\", \"signal\", \"time\"] }}\ntracing = \"0.1\"\ntracing-subscriber = {{ version = \"0.3\", \
             features = [\"env-filter\"] }}\n",
            self.name
        )
    }
}

const LIBRARY: &str = "\
//! The service: its handlers, and the contracts and types of what was recorded.

pub mod contracts;
pub mod handlers;
pub mod types;
";
