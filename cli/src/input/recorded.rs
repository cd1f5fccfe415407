//! The events of a recording.

use std::{collections::BTreeMap, io::BufRead};

use nest_wire::recording::{Event, ReadError, Reader};

use crate::failure::{Failure, Status, file_reason};

type Events = Box<dyn Iterator<Item = Result<Event, Failure>>>;

/// Reads the notes of a recording. Returns them and the events.
pub(super) fn events(
    name: String,
    source: impl BufRead + 'static,
    truncated: bool,
) -> Result<(BTreeMap<String, String>, Events), Failure> {
    let reader = Reader::new(source).map_err(|error| failure(&name, &error))?;
    let about = reader.about().clone();
    let events = reader
        .take_while(move |event| !(truncated && matches!(event, Err(ReadError::Truncated { .. }))))
        .map(move |event| event.map_err(|error| failure(&name, &error)));
    Ok((about, Box::new(events)))
}

fn failure(name: &str, error: &ReadError) -> Failure {
    let (text, hint) = match error {
        ReadError::Io(error) => (format!("{name}: {}", file_reason(error)), None),
        ReadError::Empty => (format!("{name} holds no traffic"), None),
        ReadError::Utf16 => (format!("{name} is UTF-16 text: a recording is UTF-8"), None),
        ReadError::Newer { format } => (
            format!(
                "{name} was recorded in format {format}; this nest-wire reads up to {}",
                nest_wire::recording::FORMAT
            ),
            Some("update nest-wire"),
        ),
        ReadError::Truncated { line } => (
            format!("{name} ends inside line {line}"),
            Some("--truncated reads what is there"),
        ),
        ReadError::Line { line, reason } => (format!("{name}, line {line}: not a recording: {reason}"), None),
        other => (format!("{name}: {other}"), None),
    };
    let failure = Failure::new(Status::Usage, text);
    match hint {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}
