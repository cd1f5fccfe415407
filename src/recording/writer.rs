//! Writes a recording line by line.

use std::{
    collections::BTreeMap,
    io::{self, Write},
};

use super::{event::Event, line, reader::FORMAT};

/// Writes a recording: the notes at once, then each event.
///
/// Each line is written with one call: put a [`BufWriter`](io::BufWriter) between if calls are
/// expensive.
///
/// ```
/// use std::collections::BTreeMap;
/// use nest_wire::recording::{Content, Event, Side, Writer};
///
/// let mut writer = Writer::new(Vec::new(), BTreeMap::new())?;
/// writer.write(&Event::new(1, Side::Caller, Content::End))?;
/// let file = writer.into_inner();
/// assert_eq!(file, b"{\"format\":\"1\"}\n{\"connection\":1,\"from\":\"caller\",\"end\":true}\n");
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Writer<W> {
    sink: W,
    /// The line being written; its memory is reused.
    line: Vec<u8>,
}

impl<W: Write> Writer<W> {
    /// Writes the notes, to which it adds the format.
    ///
    /// # Errors
    /// The sink cannot be written to.
    pub fn new(sink: W, mut about: BTreeMap<String, String>) -> io::Result<Self> {
        about.insert("format".to_owned(), FORMAT.to_string());
        let mut writer = Self::append(sink);
        write_notes(&about, &mut writer.line);
        writer.sink.write_all(&writer.line)?;
        Ok(writer)
    }

    /// Returns a writer that adds events to a recording whose notes are written already.
    pub const fn append(sink: W) -> Self {
        Self { sink, line: Vec::new() }
    }

    /// Writes one event.
    ///
    /// # Errors
    /// The sink cannot be written to; a part of the line may have been written.
    pub fn write(&mut self, event: &Event) -> io::Result<()> {
        self.line.clear();
        line::write(event, &mut self.line);
        self.sink.write_all(&self.line)
    }

    /// Passes on what the sink has buffered.
    ///
    /// # Errors
    /// The sink cannot be written to.
    pub fn flush(&mut self) -> io::Result<()> {
        self.sink.flush()
    }

    /// Returns the sink, to look at.
    pub const fn get_ref(&self) -> &W {
        &self.sink
    }

    /// Returns the sink.
    pub fn into_inner(self) -> W {
        self.sink
    }
}

pub(super) fn write_notes(about: &BTreeMap<String, String>, out: &mut Vec<u8>) {
    serde_json::to_writer(&mut *out, about).expect("memory can be written to, and texts are JSON");
    out.push(b'\n');
}
