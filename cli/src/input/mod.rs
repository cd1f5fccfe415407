//! Traffic from a file or a pipe: a recording, a capture or bare bytes, told apart by the first
//! bytes.

mod captured;
mod raw;
mod recorded;
mod sieve;

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, BufRead, BufReader, Cursor, Read},
    path::Path,
};

use nest_wire::recording::{Event, Side};

use crate::capture::is_capture;
use crate::failure::{Failure, Status, file_reason};

/// The events of a file, and what else it says of itself.
pub(crate) struct Input {
    /// The name of the file, for messages.
    pub(crate) name: String,
    /// The pointers whose values were masked when the file was recorded.
    pub(crate) masked: Vec<String>,
    /// The notes of a recording.
    pub(crate) about: BTreeMap<String, String>,
    /// True if the end of the input is known: a file, not a pipe.
    pub(crate) is_file: bool,
    pub(crate) events: Box<dyn Iterator<Item = Result<Event, Failure>>>,
}

/// How a file is read.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Options {
    /// The file holds the bytes of this side and nothing else.
    pub(crate) raw: Option<Side>,
    /// A file that ends inside a line or a packet is read up to there.
    pub(crate) truncated: bool,
    /// The port of the service, in a capture. Without it, frames decide what is Nest's.
    pub(crate) port: Option<u16>,
}

/// The format of a file, by its first bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Recording,
    Capture,
    Compressed(&'static str),
    Unknown,
}

/// Number of bytes that decide the format.
const MAGIC_BYTES: usize = 4;

impl Input {
    /// Opens a file, or standard input if its name is `-`.
    pub(crate) fn open(path: &Path, options: Options) -> Result<Self, Failure> {
        let is_stdin = path.as_os_str() == "-";
        let name = if is_stdin {
            "standard input".to_owned()
        } else {
            path.display().to_string()
        };
        let cannot = |error: &io::Error| Failure::new(Status::Usage, format!("{name}: {}", file_reason(error)));
        let (mut source, is_file): (Box<dyn Read>, bool) = if is_stdin {
            (Box::new(io::stdin()), false)
        } else {
            let file = File::open(path).map_err(|error| cannot(&error))?;
            let metadata = file.metadata().map_err(|error| cannot(&error))?;
            if metadata.is_dir() {
                return Err(Failure::new(Status::Usage, format!("{name}: it is a directory")));
            }
            (Box::new(file), metadata.is_file())
        };
        let magic = magic(&mut source).map_err(|error| cannot(&error))?;
        let format = Format::of(&magic);
        let source = BufReader::with_capacity(256 * 1024, Cursor::new(magic).chain(source));
        Self::of(name, is_file, source, format, options)
    }

    fn of(
        name: String,
        is_file: bool,
        source: impl BufRead + 'static,
        format: Format,
        options: Options,
    ) -> Result<Self, Failure> {
        let (about, events): (_, Box<dyn Iterator<Item = _>>) = match (options.raw, format) {
            (Some(side), _) => (BTreeMap::new(), Box::new(raw::events(name.clone(), source, side))),
            (None, Format::Capture) => (
                BTreeMap::new(),
                Box::new(captured::events(name.clone(), source, options)?),
            ),
            (None, Format::Recording) if options.port.is_some() => {
                let what = format!("{name} is a recording: --port is for captures");
                return Err(Failure::usage(what).hint("--connection N chooses a connection"));
            }
            (None, Format::Recording) => recorded::events(name.clone(), source, options.truncated)?,
            (None, Format::Compressed(tool)) => {
                let error = Failure::new(Status::Usage, format!("{name} is compressed"));
                return Err(error.hint(format!("{tool} {name} | nest-wire inspect -")));
            }
            (None, Format::Unknown) => {
                let error = Failure::new(Status::Usage, format!("{name} is no recording and no capture"));
                return Err(error.hint("--raw caller reads bare bytes"));
            }
        };
        let masked = about.get("masked").map_or("", String::as_str);
        Ok(Self {
            name,
            masked: masked.split_whitespace().map(str::to_owned).collect(),
            about,
            is_file,
            events,
        })
    }
}

impl Format {
    fn of(magic: &[u8]) -> Self {
        match magic {
            _ if is_capture(magic) => Self::Capture,
            [0x1F, 0x8B, ..] => Self::Compressed("zcat"),
            [0x28, 0xB5, 0x2F, 0xFD] => Self::Compressed("zstdcat"),
            [0xFD, b'7', b'z', b'X'] => Self::Compressed("xzcat"),
            // Text of any kind is a recording, or an error with a line number.
            [] | [0xEF, 0xBB, ..] | [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..] => Self::Recording,
            [first, ..] if first.is_ascii_graphic() || first.is_ascii_whitespace() => Self::Recording,
            _ => Self::Unknown,
        }
    }
}

/// Takes the first bytes.
fn magic(source: &mut dyn Read) -> io::Result<Vec<u8>> {
    let mut magic = Vec::new();
    source.take(MAGIC_BYTES as u64).read_to_end(&mut magic)?;
    Ok(magic)
}
