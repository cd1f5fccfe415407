//! The bytes of one side and nothing else.

use std::io::BufRead;

use bytes::Bytes;
use nest_wire::recording::{Content, Event, Side};

use crate::failure::{Failure, Status, file_reason};

/// Returns the bytes as the segments of one connection, and then its end.
pub(super) fn events(
    name: String,
    mut source: impl BufRead,
    side: Side,
) -> impl Iterator<Item = Result<Event, Failure>> {
    let mut has_ended = false;
    std::iter::from_fn(move || {
        if has_ended {
            return None;
        }
        let content = match source.fill_buf() {
            Ok([]) => Content::End,
            Ok(bytes) => Content::Segment(Bytes::copy_from_slice(bytes)),
            Err(error) => {
                has_ended = true;
                return Some(Err(Failure::new(
                    Status::Usage,
                    format!("{name}: {}", file_reason(&error)),
                )));
            }
        };
        match &content {
            Content::Segment(bytes) => source.consume(bytes.len()),
            _ => has_ended = true,
        }
        Some(Ok(Event::new(1, side, content)))
    })
}
