//! A row of the list of packets.

use std::{
    io::{self, Write},
    sync::Arc,
    time::Duration,
};

use nest_wire::recording::Side;

use super::escaped::Html;
use crate::traffic::{
    entry::{Entry, Seen, What},
    packet::Kind,
    text::time,
};

/// Maximum size of a text in the list, in bytes.
const MAX_TEXT_BYTES: usize = 4096;
/// Maximum length of a pattern and of a header, in bytes.
const MAX_NAME_BYTES: usize = 256;

/// A packet as it is listed, or a fault of a connection.
#[derive(Debug)]
pub(super) struct Row {
    at: Option<Duration>,
    connection: u32,
    from: Side,
    kind: &'static str,
    pub(super) class: Class,
    pattern: Option<Arc<str>>,
    header: Box<str>,
    latency: Option<Duration>,
    /// The row of the request, for a reply.
    request: Option<u32>,
    text: Box<str>,
    /// What is wrong, or what was left out.
    note: Option<Box<str>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    Plain,
    Error,
    Unanswered,
}

impl Row {
    /// Returns the row of an entry, whose request has this row if it is a reply. `None` if it is not
    /// listed.
    pub(super) fn of(entry: &Entry, request: Option<u32>) -> Option<Self> {
        let (kind, class) = kind(entry)?;
        let mut row = Self {
            at: entry.at,
            connection: entry.connection,
            from: entry.from,
            kind,
            class,
            pattern: None,
            header: Box::default(),
            latency: None,
            request,
            text: Box::default(),
            note: None,
        };
        match &entry.what {
            What::Packet(seen) => row.describe(seen),
            What::Failed(reason) => row.text = head(reason, MAX_TEXT_BYTES).into(),
            What::Missing(bytes) => row.text = format!("{bytes} bytes were not captured here").into(),
            What::Skipped(bytes) => {
                row.text = format!("{bytes} bytes before the first frame that can be found").into();
            }
            What::Tls => row.text = "its content cannot be read".into(),
            _ => {}
        }
        Some(row)
    }

    /// Returns the size of its texts.
    pub(super) fn bytes(&self) -> usize {
        self.text.len() + self.note.as_ref().map_or(0, |note| note.len())
    }

    fn describe(&mut self, seen: &Seen) {
        self.pattern = seen.pattern.clone();
        self.header = head(&seen.frame.header, MAX_NAME_BYTES).into();
        self.latency = seen.latency;
        let text = match seen.kind {
            Kind::Broken => seen.frame.text.as_str(),
            _ => seen.payload.as_ref().map_or("", |payload| payload.as_str()),
        };
        self.text = head(text, MAX_TEXT_BYTES).into();
        let mut notes = Vec::new();
        if let Some(metadata) = &seen.metadata {
            notes.push(format!("metadata {}", head(metadata.as_str(), MAX_TEXT_BYTES)));
        }
        if self.text.len() < text.len() {
            notes.push(format!("cut: {} bytes in all", text.len()));
        }
        if let Some(why) = &seen.why {
            notes.push(why.words(&self.header, seen.frame.units).to_string());
        }
        self.note = (!notes.is_empty()).then(|| notes.join("\n").into());
    }

    pub(super) fn write(&self, html: &mut Html<impl Write>, number: u32) -> io::Result<()> {
        html.markup("<tr id=p")?.number(number)?.markup(match self.class {
            Class::Plain => "",
            Class::Error => " class=err",
            Class::Unanswered => " class=none",
        })?;
        html.markup("><td><a href=#p")?
            .number(number)?
            .markup(">")?
            .number(number)?
            .markup("</a><td>")?;
        if let Some(at) = self.at {
            html.text(&format!("{}.{:06}", at.as_secs(), at.subsec_micros()))?;
        }
        html.markup("<td>")?.number(self.connection)?.markup(match self.from {
            Side::Caller => " →<td>",
            Side::Service => " ←<td>",
        })?;
        html.text(self.kind)?
            .markup("<td>")?
            .text(head(self.pattern.as_deref().unwrap_or_default(), MAX_NAME_BYTES))?
            .markup("<td>")?
            .text(&self.header)?
            .markup("<td>")?;
        self.write_latency(html)?;
        html.markup("<td>")?.text(&self.text)?;
        for note in self.note.iter().flat_map(|note| note.lines()) {
            html.markup("<small>")?.text(note)?.markup("</small>")?;
        }
        html.markup("\n").map(|_| ())
    }

    /// Writes how long a reply took, which is a link to its request.
    fn write_latency(&self, html: &mut Html<impl Write>) -> io::Result<()> {
        if self.class == Class::Unanswered {
            return html.markup("no answer").map(|_| ());
        }
        let latency = match (self.latency, self.request) {
            (Some(latency), _) => time(latency),
            (None, Some(request)) => format!("#{request}"),
            (None, None) => return Ok(()),
        };
        match self.request {
            Some(request) => html
                .markup("<a href=#p")?
                .number(request)?
                .markup(">")?
                .text(&latency)?
                .markup("</a>")?,
            None => html.text(&latency)?,
        };
        Ok(())
    }
}

/// Returns what an entry is called, and whether it is an error. `None` if it is not listed.
fn kind(entry: &Entry) -> Option<(&'static str, Class)> {
    Some(match &entry.what {
        What::Packet(seen) => {
            let class = if seen.kind.is_error() {
                Class::Error
            } else {
                Class::Plain
            };
            match seen.kind {
                Kind::Last => ("last value", class),
                Kind::NoHandler => ("no handler", class),
                kind => (kind.name(), class),
            }
        }
        What::Failed(_) => ("failed", Class::Error),
        What::Reset => ("reset", Class::Error),
        What::Missing(_) => ("missing", Class::Error),
        What::Skipped(_) => ("skipped", Class::Plain),
        What::Tls => ("TLS", Class::Plain),
        What::Opened(_) | What::End => return None,
    })
}

/// Returns at most this many bytes of a text.
fn head(text: &str, bytes: usize) -> &str {
    let mut end = text.len().min(bytes);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}
