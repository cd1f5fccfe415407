//! A whole recording in memory.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::{
    event::{Content, Event, Side},
    line,
    reader::{ReadError, Reader},
    writer::write_notes,
};

/// A recording in memory, for tests and small files: its notes and its events, in order.
///
/// [`Reader`] and [`Writer`](super::Writer) read and write files of any size.
///
/// ```
/// use nest_wire::recording::{Content, Event, Recording, Side};
///
/// let said = Content::Segment("29#{\"pattern\":\"log\",\"data\":\"求和\"}".into());
/// let mut recording = Recording::from_events(vec![Event::new(1, Side::Caller, said)]);
/// recording.about.insert("nest".to_owned(), "12.1.1".to_owned());
/// let text = recording.to_json_lines();
/// assert_eq!(text.lines().nth(1), Some(
///     r##"{"connection":1,"from":"caller","text":"29#{\"pattern\":\"log\",\"data\":\"求和\"}"}"##
/// ));
/// assert_eq!(Recording::read(&text)?, recording);
/// # Ok::<(), nest_wire::recording::ReadError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Recording {
    /// The first line: free notes, such as the version of Nest that was recorded.
    pub about: BTreeMap<String, String>,
    /// All other lines.
    pub events: Vec<Event>,
}

impl Recording {
    /// Returns a recording of these events, without notes.
    #[must_use]
    pub const fn from_events(events: Vec<Event>) -> Self {
        Self {
            about: BTreeMap::new(),
            events,
        }
    }

    /// Reads JSON lines.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn read(text: &str) -> Result<Self, ReadError> {
        let mut reader = Reader::new(text.as_bytes())?;
        let events = reader.by_ref().collect::<Result<_, _>>()?;
        Ok(Self {
            about: reader.about().clone(),
            events,
        })
    }

    /// Returns the recording as JSON lines, each with its newline. The notes are written as they
    /// are: a recording without a `format` stays one.
    #[must_use]
    pub fn to_json_lines(&self) -> String {
        let mut lines = Vec::new();
        write_notes(&self.about, &mut lines);
        for event in &self.events {
            line::write(event, &mut lines);
        }
        String::from_utf8(lines).expect("JSON is UTF-8")
    }

    /// Returns the bytes that `from` sent over a connection, as they were cut.
    pub fn segments(&self, connection: u32, from: Side) -> impl Iterator<Item = &Bytes> {
        self.events
            .iter()
            .filter(move |event| event.connection == connection && event.from == from)
            .filter_map(|event| match &event.content {
                Content::Segment(bytes) => Some(bytes),
                _ => None,
            })
    }

    /// Returns how many connections were opened.
    #[must_use]
    pub fn connections(&self) -> u32 {
        self.events.iter().map(|event| event.connection).max().unwrap_or(0)
    }
}
