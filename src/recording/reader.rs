//! Reads a recording line by line, in constant memory.

use std::{
    collections::BTreeMap,
    io::{self, BufRead},
};

use super::{
    event::Event,
    line::{self, LineError},
};

/// The newest format that [`Reader`] reads, and the one that [`Writer`](super::Writer) writes.
pub const FORMAT: u32 = 1;

/// Maximum length of a line, in bytes: a recorder writes segments far shorter than this, and a file
/// that is no recording must not fill the memory.
const MAX_LINE_BYTES: usize = 256 * 1024 * 1024;

/// Maximum number of characters of a wrong line that an error quotes.
const QUOTED: usize = 10;

/// Reads a recording: the notes at once, then each event as an iterator.
///
/// Memory is that of one line. Blank lines are skipped, as is a UTF-8 byte order mark.
///
/// ```
/// use nest_wire::recording::Reader;
///
/// let file = b"{\"nest\":\"12.1.1\"}\n{\"connection\":1,\"from\":\"caller\",\"end\":true}\n";
/// let mut reader = Reader::new(&file[..])?;
/// assert_eq!(reader.about()["nest"], "12.1.1");
/// assert_eq!(reader.next().expect("an event")?.connection, 1);
/// assert!(reader.next().is_none());
/// # Ok::<(), nest_wire::recording::ReadError>(())
/// ```
#[derive(Debug)]
pub struct Reader<R> {
    source: R,
    /// The number of the line read last, counted from 1.
    line: u64,
    /// The line read last.
    text: Vec<u8>,
    about: BTreeMap<String, String>,
    format: u32,
    /// True after the end and after an error: what follows a wrong line means nothing.
    is_finished: bool,
}

/// The reason why a file cannot be read as a recording.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// Reading failed.
    #[error("it cannot be read")]
    Io(#[from] io::Error),
    /// The file has no line.
    #[error("it is empty")]
    Empty,
    /// The file is text of another encoding.
    #[error("it is UTF-16 text: a recording is UTF-8")]
    Utf16,
    /// The file was written by a newer version of this crate.
    #[error("it was recorded in format {format}; this version reads up to {FORMAT}")]
    Newer {
        /// The format in the file's notes.
        format: u32,
    },
    /// The last line is incomplete.
    #[error("it ends inside line {line}")]
    Truncated {
        /// The number of the line, counted from 1.
        line: u64,
    },
    /// A line is not of the format.
    #[error("line {line}: {reason}")]
    Line {
        /// The number of the line, counted from 1.
        line: u64,
        /// What is wrong with the line.
        reason: String,
    },
}

impl ReadError {
    /// Returns the number of the line at fault, counted from 1, if a line is at fault.
    #[must_use]
    pub fn line(&self) -> Option<u64> {
        match self {
            Self::Newer { .. } => Some(1),
            Self::Truncated { line } | Self::Line { line, .. } => Some(*line),
            Self::Io(_) | Self::Empty | Self::Utf16 => None,
        }
    }
}

impl<R: BufRead> Reader<R> {
    /// Reads the notes, which are the first line.
    ///
    /// # Errors
    /// [`ReadError`]; [`Empty`](ReadError::Empty) if there is no line at all.
    pub fn new(source: R) -> Result<Self, ReadError> {
        let mut reader = Self {
            source,
            line: 0,
            text: Vec::new(),
            about: BTreeMap::new(),
            format: 0,
            is_finished: false,
        };
        if !reader.read_line()? {
            return Err(ReadError::Empty);
        }
        reader.about = reader.notes()?;
        reader.format = reader.noted_format()?;
        match reader.format {
            format if format > FORMAT => Err(ReadError::Newer { format }),
            _ => Ok(reader),
        }
    }

    /// Returns the notes, such as the version of Nest that was recorded.
    #[must_use]
    pub const fn about(&self) -> &BTreeMap<String, String> {
        &self.about
    }

    /// Returns the format of the file: 0 if its notes name none.
    #[must_use]
    pub const fn format(&self) -> u32 {
        self.format
    }

    /// Returns the number of the line read last, counted from 1.
    #[must_use]
    pub const fn line(&self) -> u64 {
        self.line
    }

    /// Reads the next line that is not blank. Returns false at the end.
    fn read_line(&mut self) -> Result<bool, ReadError> {
        loop {
            self.text.clear();
            let limit = MAX_LINE_BYTES as u64 + 1;
            let length = io::Read::take(&mut self.source, limit).read_until(b'\n', &mut self.text)?;
            if length == 0 {
                return Ok(false);
            }
            self.line += 1;
            if length > MAX_LINE_BYTES {
                return Err(self.wrong(format!("longer than {MAX_LINE_BYTES} bytes")));
            }
            if self.line == 1 {
                self.skip_byte_order_mark()?;
            }
            match self.text.trim_ascii_start().first() {
                None => {}
                Some(b'{') => return Ok(true),
                Some(_) => return Err(self.no_object()),
            }
        }
    }

    fn skip_byte_order_mark(&mut self) -> Result<(), ReadError> {
        match self.text[..] {
            [0xEF, 0xBB, 0xBF, ..] => drop(self.text.drain(..3)),
            [0xFE, 0xFF, ..] | [0xFF, 0xFE, ..] => return Err(ReadError::Utf16),
            _ => {}
        }
        Ok(())
    }

    fn notes(&self) -> Result<BTreeMap<String, String>, ReadError> {
        serde_json::from_slice(&self.text).map_err(|error| {
            // A recording without notes would lose its first event here.
            if line::read(&self.text).is_ok() {
                self.wrong("the notes are missing: a recording begins with an object of texts".to_owned())
            } else {
                self.not_json(&error)
            }
        })
    }

    fn noted_format(&self) -> Result<u32, ReadError> {
        let format = self.about.get("format").map_or("0", String::as_str);
        format
            .parse()
            .map_err(|_| self.wrong(format!("`format` is {format:?}, not a number")))
    }

    fn no_object(&self) -> ReadError {
        let text = String::from_utf8_lossy(&self.text);
        let quoted: String = text.trim().chars().take(QUOTED).collect();
        self.wrong(format!("expected an object, found {:?}", quoted + "…"))
    }

    /// Returns the error of the line read last, which did not parse.
    fn not_json(&self, error: &serde_json::Error) -> ReadError {
        if error.is_eof() && self.text.last() != Some(&b'\n') {
            return ReadError::Truncated { line: self.line };
        }
        // serde_json counts lines within this one.
        let reason = error.to_string();
        let reason = reason.rsplit_once(" at line ").map_or(&*reason, |(reason, _)| reason);
        self.wrong(format!("{reason} at byte {}", error.column()))
    }

    fn wrong(&self, reason: String) -> ReadError {
        ReadError::Line {
            line: self.line,
            reason,
        }
    }

    fn read_event(&mut self) -> Result<Option<Event>, ReadError> {
        if !self.read_line()? {
            return Ok(None);
        }
        line::read(&self.text).map(Some).map_err(|error| match error {
            LineError::Json(error) => self.not_json(&error),
            LineError::Shape(reason) => self.wrong(reason.to_owned()),
        })
    }
}

impl<R: BufRead> Iterator for Reader<R> {
    type Item = Result<Event, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_finished {
            return None;
        }
        let event = self.read_event().transpose();
        self.is_finished = !matches!(event, Some(Ok(_)));
        event
    }
}

impl From<ReadError> for io::Error {
    fn from(error: ReadError) -> Self {
        Self::new(io::ErrorKind::InvalidData, error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn error_of(file: &[u8]) -> ReadError {
        match Reader::new(file) {
            Ok(reader) => reader.filter_map(Result::err).next().expect("an error"),
            Err(error) => error,
        }
    }

    #[test]
    fn files_that_are_no_recording_are_told_apart() {
        for (file, text, line) in [
            (&b""[..], "it is empty", None),
            (b"\n \n", "it is empty", None),
            (b"\xff\xfe{\0}\0", "it is UTF-16 text: a recording is UTF-8", None),
            (
                b"{\"format\":\"3\"}\n",
                "it was recorded in format 3; this version reads up to 1",
                Some(1),
            ),
            (
                b"{\"format\":\"x\"}\n",
                "line 1: `format` is \"x\", not a number",
                Some(1),
            ),
            (
                b"GET / HTTP/1.1\r\n",
                "line 1: expected an object, found \"GET / HTTP…\"",
                Some(1),
            ),
            (
                b"{\"connection\":1,\"from\":\"caller\",\"end\":true}\n",
                "line 1: the notes are missing: a recording begins with an object of texts",
                Some(1),
            ),
            (b"{}\n\n{\"connection\":1,\"fr", "it ends inside line 3", Some(3)),
            (b"{", "it ends inside line 1", Some(1)),
            (
                b"{}\n\n{\"connection\":x}\n",
                "line 3: expected value at byte 15",
                Some(3),
            ),
            (b"{}\n[1]\n", "line 2: expected an object, found \"[1]…\"", Some(2)),
            (
                b"{}\n{\"connection\":1,\"from\":\"nobody\",\"end\":true}",
                "line 2: unknown variant `nobody`, expected `caller` or `service` at byte 31",
                Some(2),
            ),
        ] {
            let error = error_of(file);
            assert_eq!((error.to_string().as_str(), error.line()), (text, line));
        }
    }

    #[test]
    fn a_byte_order_mark_and_blank_lines_are_skipped() {
        let file = b"\xef\xbb\xbf{\"a\":\"b\"}\r\n\r\n{\"connection\":1,\"from\":\"caller\",\"end\":true}";
        let reader = Reader::new(&file[..]).expect("a recording");
        assert_eq!(reader.about()["a"], "b");
        let events: Vec<Event> = reader.collect::<Result<_, _>>().expect("events");
        assert_eq!(events.len(), 1);
    }

    #[test]
    fn nothing_is_read_after_a_wrong_line() {
        let file = b"{}\nx\n{\"connection\":1,\"from\":\"caller\",\"end\":true}\n";
        let mut reader = Reader::new(&file[..]).expect("notes");
        assert!(reader.next().is_some_and(|event| event.is_err()));
        assert!(reader.next().is_none());
    }
}
