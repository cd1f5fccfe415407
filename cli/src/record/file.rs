//! The file of a recording being made.

use std::{
    collections::BTreeMap,
    fs::{File, OpenOptions},
    io::{self, BufReader, BufWriter, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use nest_wire::recording::{Event, Reader, Writer};

use crate::{
    clock,
    failure::{Failure, file_reason, with_causes},
    pointer::Pointer,
};

/// A file that is written line by line, and whole lines only.
pub(crate) struct RecordingFile {
    path: PathBuf,
    writer: Writer<Counted>,
    /// The size up to which the file is whole.
    whole: u64,
    max_size: Option<u64>,
    /// What an appended file holds already.
    before: Option<Before>,
}

struct Before {
    /// Time since that recording began.
    time: Duration,
    /// The number of its last connection.
    connections: u32,
    /// What is masked in it.
    masked: Vec<Pointer>,
}

/// What is done with a file that exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Existing {
    Refuse,
    WriteOver,
    Append,
}

impl Existing {
    /// Returns what `--force` says.
    pub(crate) fn forced(force: bool) -> Self {
        if force { Self::WriteOver } else { Self::Refuse }
    }
}

/// The note of what is masked.
const MASKED: &str = "masked";
/// Size of what is passed on to the system at once, in bytes.
const BUFFER: usize = 64 * 1024;

/// A buffered file that knows how many bytes it was given.
struct Counted {
    file: BufWriter<File>,
    bytes: u64,
}

impl RecordingFile {
    /// Opens the file, and writes the notes unless it has some. An existing one is used only if the
    /// user said how.
    pub(crate) fn open(
        path: &Path,
        existing: Existing,
        max_size: Option<u64>,
        notes: BTreeMap<String, String>,
    ) -> Result<Self, Failure> {
        let has_notes = path.metadata().is_ok_and(|metadata| metadata.len() > 0);
        let before = (existing == Existing::Append && has_notes).then(|| before(path));
        let before = before.transpose()?;
        if let Some(before) = &before {
            before.refuse_masks(path, &notes)?;
        }
        let file = create(path, existing, "--force writes over it, --append adds to it")?;
        Self::of(file, path, before, max_size, notes).map_err(|error| cannot(path, &error))
    }

    fn of(
        mut file: File,
        path: &Path,
        before: Option<Before>,
        max_size: Option<u64>,
        notes: BTreeMap<String, String>,
    ) -> io::Result<Self> {
        let counted = Counted {
            bytes: file.seek(SeekFrom::End(0))?,
            file: BufWriter::with_capacity(BUFFER, file),
        };
        let mut recording = Self {
            path: path.to_owned(),
            whole: counted.bytes,
            writer: match &before {
                Some(_) => Writer::append(counted),
                None => Writer::new(counted, notes)?,
            },
            max_size,
            before,
        };
        recording.flush()?;
        Ok(recording)
    }

    /// Returns the time since the recording began, and the number of its last connection: zeros
    /// unless it is appended to.
    pub(crate) fn before(&self) -> (Duration, u32) {
        let before = self.before.as_ref();
        before.map_or_else(Default::default, |before| (before.time, before.connections))
    }

    /// Returns what is masked in what is appended to, and so in what is added.
    pub(crate) fn masked(&self) -> &[Pointer] {
        self.before.as_ref().map_or(&[], |before| &before.masked)
    }

    /// Writes an event. Returns false if the file has reached its largest size.
    pub(crate) fn write(&mut self, event: &Event) -> io::Result<bool> {
        if self.max_size.is_some_and(|max| self.size() >= max) {
            return Ok(false);
        }
        self.writer.write(event).map(|()| true)
    }

    fn size(&self) -> u64 {
        self.writer.get_ref().bytes
    }

    /// Passes what is buffered on to the system.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()?;
        self.whole = self.size();
        Ok(())
    }

    /// Cuts off what was written in part, after an error.
    pub(crate) fn cut(self) {
        let (file, _) = self.writer.into_inner().file.into_parts();
        // If the system refuses, the reader's `--truncated` is left.
        let _ = file.set_len(self.whole);
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Returns the notes of a recording that is made between these two addresses.
pub(crate) fn notes(listen: &str, to: &str, masks: &[Pointer]) -> BTreeMap<String, String> {
    let masked: Vec<String> = masks.iter().map(ToString::to_string).collect();
    let notes = [
        ("tool", format!("nest-wire {}", env!("CARGO_PKG_VERSION"))),
        ("began", clock::rfc3339(SystemTime::now())),
        ("listen", listen.to_owned()),
        ("to", to.to_owned()),
        (MASKED, masked.join(" ")),
    ];
    let notes = notes.into_iter().filter(|(_, note)| !note.is_empty());
    notes.map(|(key, note)| (key.to_owned(), note)).collect()
}

/// Creates a file, or opens an existing one as the user said.
///
/// # Errors
/// The file exists and `existing` refuses that, it cannot be opened, or the path is `-`.
pub(crate) fn create(path: &Path, existing: Existing, remedy: &str) -> Result<File, Failure> {
    refuse_standard_output(path)?;
    let mut options = OpenOptions::new();
    options.write(true);
    match existing {
        Existing::Refuse => options.create_new(true),
        Existing::WriteOver => options.create(true).truncate(true),
        Existing::Append => options.create(true).truncate(false),
    };
    options.open(path).map_err(|error| {
        let failure = cannot(path, &error);
        match error.kind() {
            io::ErrorKind::AlreadyExists => failure.hint(remedy),
            _ => failure,
        }
    })
}

/// Refuses `-`. A file of that name is `./-`.
pub(crate) fn refuse_standard_output(path: &Path) -> Result<(), Failure> {
    match path.as_os_str() == "-" {
        true => Err(Failure::usage("-: write the name of a file")),
        false => Ok(()),
    }
}

fn cannot(path: &Path, error: &io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::AlreadyExists => Failure::usage(format!("{} exists", path.display())),
        _ => Failure::usage(format!("{}: {}", path.display(), file_reason(error))),
    }
}

impl Before {
    /// Refuses masks that the file does not note: a comparison would take what they hide for values.
    fn refuse_masks(&self, path: &Path, notes: &BTreeMap<String, String>) -> Result<(), Failure> {
        let noted = |mask: &&str| self.masked.iter().any(|masked| masked.as_str() == *mask);
        let masks = notes.get(MASKED).map_or("", String::as_str);
        match masks.split_whitespace().find(|mask| !noted(mask)) {
            None => Ok(()),
            Some(mask) => {
                let what = format!("{} was begun without --mask {mask}", path.display());
                Err(Failure::usage(what).hint("inspect --mask -o writes a masked copy; then add to that"))
            }
        }
    }
}

/// Reads what a recording holds already.
fn before(path: &Path) -> Result<Before, Failure> {
    let cannot = |why: String| Failure::usage(format!("{}: {why}", path.display()));
    let file = File::open(path).map_err(|error| cannot(file_reason(&error)))?;
    let mut reader = Reader::new(BufReader::new(file)).map_err(|error| cannot(with_causes(&error)))?;
    let mut before = Before {
        time: Duration::ZERO,
        connections: 0,
        masked: Vec::new(),
    };
    for event in reader.by_ref() {
        let event = event.map_err(|error| cannot(with_causes(&error)))?;
        before.connections = before.connections.max(event.connection);
        before.time = before.time.max(event.at.unwrap_or_default());
    }
    if reader.format() != nest_wire::recording::FORMAT {
        return Err(cannot(format!(
            "recorded in format {}; nothing can be added",
            reader.format()
        )));
    }
    let masked = reader.about().get(MASKED).map_or("", String::as_str);
    before.masked = masked.split_whitespace().filter_map(|mask| mask.parse().ok()).collect();
    let began = reader.about().get("began").and_then(|began| clock::parse(began));
    let since = began.and_then(|began| SystemTime::now().duration_since(began).ok());
    before.time = before.time.max(since.unwrap_or_default());
    Ok(before)
}
