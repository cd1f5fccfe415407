//! The frames of a connection as lines for `--verbose`: `> ` for those sent, `< ` for those
//! received, which have a time behind them.

use tokio::time::Instant;

use crate::{
    duration,
    plural::counted,
    traffic::{
        frames::{Frame, Frames, Piece},
        text::printable,
    },
};

/// The column in which times stand, unless a frame is longer.
const TIME_COLUMN: usize = 88;
/// Maximum number of characters that are shown of what is no frame.
const MAX_SHOWN: usize = 200;

/// The state of both directions.
#[derive(Debug, Default)]
pub(super) struct FramesShown {
    sent: Frames,
    received: Frames,
    /// When the last frame was sent, until the first one is received after it.
    asked_at: Option<Instant>,
    answered_at: Option<Instant>,
}

impl FramesShown {
    pub(super) fn sent(&mut self, bytes: &[u8]) -> Vec<String> {
        let lines = lines(&mut self.sent, bytes);
        if !lines.is_empty() {
            self.asked_at = Some(Instant::now());
        }
        lines.into_iter().map(|frame| format!("> {frame}")).collect()
    }

    pub(super) fn received(&mut self, bytes: &[u8]) -> Vec<String> {
        let frames = lines(&mut self.received, bytes);
        frames.into_iter().map(|frame| self.timed(&frame)).collect()
    }

    /// Returns the frame that the end cuts, if there is one, and that the service has closed.
    pub(super) fn ended(&mut self) -> Vec<String> {
        let rest = self.received.end();
        let mut lines: Vec<String> = rest.iter().map(|rest| format!("< cut: {}", excerpt(rest))).collect();
        lines.push("* closed by the service".to_owned());
        lines
    }

    fn timed(&mut self, frame: &str) -> String {
        let now = Instant::now();
        let time = match (self.asked_at.take(), self.answered_at) {
            (Some(asked), _) => duration::shown(now - asked),
            (None, Some(answered)) => format!("+{}", duration::shown(now - answered)),
            (None, None) => String::new(),
        };
        self.answered_at = Some(now);
        format!("< {frame:TIME_COLUMN$} {time}").trim_end().to_owned()
    }
}

/// Returns a line for each frame that these bytes complete, with its header as it is on the wire.
fn lines(frames: &mut Frames, bytes: &[u8]) -> Vec<String> {
    frames.push(bytes);
    let mut lines = Vec::new();
    while let Some(piece) = frames.next() {
        lines.push(match piece {
            Piece::Frame(frame) => printable(&format!("{}#{}", frame.header, frame.text)),
            Piece::Broken { frame, why } => {
                format!("broken: {}: {}", excerpt(&frame), why.words(&frame.header, frame.units))
            }
            Piece::Skipped(bytes) => format!("{} without a header", counted(bytes as u64, "byte")),
        });
    }
    lines
}

/// Returns the beginning of a frame, quoted.
fn excerpt(frame: &Frame) -> String {
    let whole = match frame.header.as_str() {
        "" => frame.text.clone(),
        // A header that is none stands in the text too.
        header if frame.text.starts_with(header) => frame.text.clone(),
        header => format!("{header}#{}", frame.text),
    };
    match whole.char_indices().nth(MAX_SHOWN) {
        Some((end, _)) => format!("{:?}…", &whole[..end]),
        None => format!("{whole:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn received(pieces: &[&[u8]]) -> Vec<String> {
        let mut frames = FramesShown::default();
        pieces.iter().flat_map(|piece| frames.received(piece)).collect()
    }

    #[test]
    fn frames_keep_their_own_headers_wherever_they_are_cut() {
        let bytes = "07#[1,2,3]+5 #[\"求\"]4#null".as_bytes();
        for cut in 0..bytes.len() {
            let mut frames = received(&[&bytes[..cut], &bytes[cut..]]);
            // Behind the second and the third stands the time since the one before.
            for line in &mut frames {
                line.truncate(line.find("   ").unwrap_or(line.len()));
            }
            assert_eq!(frames, ["< 07#[1,2,3]", "< +5 #[\"求\"]", "< 4#null"], "{cut}");
        }
    }

    #[test]
    fn what_is_no_frame_says_what_is_wrong() {
        for (bytes, expected) in [
            (
                "HTTP/1.1 400 Bad Request\r\n\r\n",
                "< broken: \"HTTP/1.1 400 Bad Request\\r\\n\\r\\n\": there is no header: this is HTTP.",
            ),
            (
                "hello#there",
                "< broken: \"hello#there\": there is no header: a frame is the length in UTF-16 units, # and JSON.",
            ),
            (
                "7#[\"求\"]",
                "< broken: \"7#[\\\"求\\\"]\": header says 7, which is its length in bytes; Nest wants 5 UTF-16 units. \
                 Nest would wait for 2 units more, and end the connection at the next frame.",
            ),
        ] {
            assert_eq!(received(&[bytes.as_bytes()]), [expected]);
        }
    }

    #[test]
    fn a_frame_that_the_end_cuts_is_shown() {
        let mut frames = FramesShown::default();
        assert_eq!(frames.received(b"9#[1,2"), [] as [&str; 0]);
        assert_eq!(frames.ended(), ["< cut: \"9#[1,2\"", "* closed by the service"]);
        assert_eq!(frames.ended(), ["* closed by the service"]);
    }

    #[test]
    fn a_service_cannot_move_our_cursor() {
        assert_eq!(received(&["6#[\"\u{9b}2\"]".as_bytes()]), ["< 6#[\"\\u{9b}2\"]"]);
    }
}
