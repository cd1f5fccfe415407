//! What is wrong with the frames of a service, in words: which unit its headers count.

use crate::traffic::{
    diagnosis::Diagnosis,
    frames::{Frame, Frames, Piece},
};

/// Returns why the first frame that is not as Nest's is refused, or `None` if its length is right or
/// its text is not whole.
///
/// A length in bytes or in characters equals that in UTF-16 units for most texts: its author meets
/// the difference with the first text that is not.
pub(super) fn framing_fault(received: &[u8]) -> Option<String> {
    let mut frames = Frames::default();
    frames.push(received);
    loop {
        match frames.next() {
            Some(Piece::Frame(_)) => {}
            Some(Piece::Broken { frame, why }) => return explained(&frame, &why),
            Some(Piece::Skipped(_)) => return None,
            None => return frames.end().and_then(|frame| announced_too_much(&frame)),
        }
    }
}

fn explained(frame: &Frame, why: &Diagnosis) -> Option<String> {
    let counted = match why {
        Diagnosis::CountsBytes => "counts bytes",
        Diagnosis::CountsCharacters => "counts characters",
        Diagnosis::OtherLength => "is not the length of its text",
        _ => return None,
    };
    let (header, units) = (&frame.header, frame.units);
    Some(format!("header {header:?} {counted}; Nest wants {units} UTF-16 units"))
}

/// Returns what is wrong with a frame for which more is waited for, if its JSON is whole.
fn announced_too_much(frame: &Frame) -> Option<String> {
    // A number may go on in what has not come yet.
    let is_whole = frame.text.starts_with(['{', '[']) && nest_wire::json::parse(&frame.text).is_ok();
    is_whole.then(|| explained(frame, &Diagnosis::OtherLength)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_unit_that_a_header_counts_is_named() {
        for (received, expected) in [
            (
                "19#{\"response\":\"求和\"}",
                Some("header \"19\" is not the length of its text; Nest wants 17 UTF-16 units"),
            ),
            (
                "21#{\"response\":\"求和\"}",
                Some("header \"21\" counts bytes; Nest wants 17 UTF-16 units"),
            ),
            (
                "16#{\"response\":\"😀\"}",
                Some("header \"16\" counts characters; Nest wants 17 UTF-16 units"),
            ),
            ("17#{\"response\":\"求和\"}", None),
            ("2#{}6#[\"😀\"]5#[\"求\"]", None),
            (
                "2#{}7#[\"求\"]",
                Some("header \"7\" counts bytes; Nest wants 5 UTF-16 units"),
            ),
            ("9#[\"求\"", None),
            ("9#1234", None),
            ("21#{\"response\":\"求", None),
            ("HTTP/1.1 400 Bad Request", None),
            ("x#{}", None),
            ("", None),
        ] {
            assert_eq!(framing_fault(received.as_bytes()).as_deref(), expected, "{received}");
        }
    }
}
