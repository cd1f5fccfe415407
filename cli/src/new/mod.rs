//! `nest-wire new`: a project from a recording.

mod handler;
mod names;
mod project;
mod seen;
mod shape;
mod sources;
mod types;

use std::{
    io::{self, Write},
    path::{Path, PathBuf},
};

use clap::Args;
use nest_wire::recording::{Event, Writer};

use crate::{
    failure::{Failure, STATUSES, file_reason},
    input::{Input, Options},
    plural::counted,
    traffic::reading::Reading,
};
use project::Project;
use seen::Patterns;

/// Make a Rust project from a recording, which forwards all calls to the old service
///
/// Writes a cargo project into the new folder NAME: a service with each recorded pattern, the
/// types of its data and replies, inferred from what was recorded, and a test that replays the
/// recording. It forwards every call to the service at OLD_SERVICE until its own handler is
/// written.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment, after_help = format!("{EXAMPLES}{STATUSES}"))]
pub(crate) struct New {
    /// The name of the project and of its folder: letters, digits, - and _
    #[arg(value_parser = name)]
    name: String,
    /// A recording or a capture, - for standard input
    #[arg(long, value_name = "FILE")]
    from: PathBuf,
    /// Take the crate nest-wire from this folder, not from crates.io
    #[arg(long, value_name = "FOLDER")]
    nest_wire: Option<PathBuf>,
    /// The port of the service, in a capture
    #[arg(long)]
    port: Option<u16>,
    /// Read a file that ends inside a line or a packet up to there
    #[arg(long)]
    truncated: bool,
}

const EXAMPLES: &str = "\
Examples:
  nest-wire record --listen 8889 --to localhost:8888 -o calls.jsonl
  nest-wire new math --from calls.jsonl
  cd math && OLD_SERVICE=localhost:8888 cargo test

";

/// Names that cargo refuses, or that would hide a crate that the project uses.
const RESERVED: &[&str] = &[
    "abstract",
    "as",
    "async",
    "await",
    "become",
    "box",
    "break",
    "const",
    "continue",
    "crate",
    "do",
    "dyn",
    "else",
    "enum",
    "extern",
    "false",
    "final",
    "fn",
    "for",
    "gen",
    "if",
    "impl",
    "in",
    "let",
    "loop",
    "macro",
    "match",
    "mod",
    "move",
    "mut",
    "override",
    "priv",
    "pub",
    "ref",
    "return",
    "self",
    "static",
    "struct",
    "super",
    "trait",
    "true",
    "try",
    "type",
    "typeof",
    "unsafe",
    "unsized",
    "use",
    "virtual",
    "where",
    "while",
    "yield",
    "alloc",
    "core",
    "std",
    "proc_macro",
    "test",
    "build",
    "deps",
    "examples",
    "incremental",
    "nest_wire",
    "serde",
    "tokio",
    "tracing",
    "tracing_subscriber",
];

/// Checks that cargo takes this as the name of a package.
fn name(text: &str) -> Result<String, String> {
    let is_begin = |c: char| c.is_ascii_alphabetic();
    let is_inside = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if !text.starts_with(is_begin) || !text.chars().all(is_inside) {
        return Err("a letter, then letters, digits, - and _".to_owned());
    }
    match RESERVED.contains(&text.to_ascii_lowercase().replace('-', "_").as_str()) {
        true => Err("it is the name of a crate or a word of Rust".to_owned()),
        false => Ok(text.to_owned()),
    }
}

impl New {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let folder = PathBuf::from(&self.name);
        if folder.symlink_metadata().is_ok() {
            return Err(Failure::usage(format_args!("{}: it exists", self.name)));
        }
        let nest_wire = self.nest_wire.as_deref().map(found).transpose()?;
        let (recording, patterns) = self.read()?;
        let project = Project {
            name: &self.name,
            nest_wire: nest_wire.as_deref(),
            patterns: &patterns,
            recording,
        };
        project.write(&folder)?;
        Ok(writeln!(
            io::stdout(),
            "{}: {}",
            self.name,
            counted(patterns.patterns.len() as u64, "pattern")
        )?)
    }

    /// Reads the traffic. Returns it as a recording, with the patterns in it.
    fn read(&self) -> Result<(Vec<u8>, Patterns), Failure> {
        let options = Options {
            raw: None,
            truncated: self.truncated,
            port: self.port,
        };
        let input = Input::open(&self.from, options)?;
        let events = input.events.collect::<Result<Vec<Event>, Failure>>()?;
        let patterns = patterns(&events);
        if patterns.patterns.is_empty() {
            let what = if events.is_empty() { "traffic" } else { "calls" };
            return Err(Failure::usage(format_args!("{} holds no {what}", input.name)));
        }
        let mut recording = Writer::new(Vec::new(), input.about)?;
        for event in &events {
            recording.write(event)?;
        }
        Ok((recording.into_inner(), patterns))
    }
}

/// Returns the full path of a folder, since the project's manifest stands in another one.
fn found(path: &Path) -> Result<PathBuf, Failure> {
    let why = |error| Failure::usage(format_args!("{}: {}", path.display(), file_reason(&error)));
    path.canonicalize().map_err(why)
}

fn patterns(events: &[Event]) -> Patterns {
    let mut patterns = Patterns::default();
    let mut reading = Reading::default();
    for event in events {
        reading.read(event, |entry| patterns.add(&entry));
    }
    patterns
}
