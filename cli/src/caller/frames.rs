//! The frames of a connection as lines for `--verbose`: `> ` for those sent, `< ` for those
//! received, which have a time behind them.

use nest_wire::codec::{FrameDecoder, units};
use tokio::time::Instant;

use crate::duration;

/// The column in which times stand, unless a frame is longer.
const TIME_COLUMN: usize = 88;
/// Maximum number of bytes that are shown of what is no frame.
const MAX_SHOWN_BYTES: usize = 200;

/// The state of both directions.
#[derive(Debug, Default)]
pub(super) struct FramesShown {
    sent: Direction,
    received: Direction,
    /// When the last frame was sent, until the first one is received after it.
    asked_at: Option<Instant>,
    answered_at: Option<Instant>,
}

impl FramesShown {
    pub(super) fn sent(&mut self, bytes: &[u8]) -> Vec<String> {
        let lines = self.sent.take(bytes);
        if !lines.is_empty() {
            self.asked_at = Some(Instant::now());
        }
        lines.into_iter().map(|frame| format!("> {frame}")).collect()
    }

    pub(super) fn received(&mut self, bytes: &[u8]) -> Vec<String> {
        let frames = self.received.take(bytes);
        frames.into_iter().map(|frame| self.timed(&frame)).collect()
    }

    /// Returns what was received and is no frame, now that no more comes.
    pub(super) fn ended(&mut self) -> Vec<String> {
        let rest = std::mem::take(&mut self.received.raw);
        let mut lines = Vec::new();
        if !rest.is_empty() {
            lines.push(format!("< no frame: {}", excerpt(&rest)));
        }
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

/// The frames of one direction, with their headers as they are on the wire.
#[derive(Debug, Default)]
struct Direction {
    decoder: FrameDecoder,
    /// The bytes since the end of the last frame.
    raw: Vec<u8>,
}

impl Direction {
    fn take(&mut self, bytes: &[u8]) -> Vec<String> {
        self.raw.extend_from_slice(bytes);
        self.decoder.push(bytes);
        let mut lines = Vec::new();
        loop {
            match self.decoder.next_frame() {
                Ok(Some(text)) => lines.push(self.frame(&text)),
                Ok(None) => return lines,
                Err(error) => {
                    let rest = std::mem::take(&mut self.raw);
                    lines.push(format!("broken: {error}: {}", excerpt(&rest)));
                    return lines;
                }
            }
        }
    }

    /// Returns a frame with its own header, or the usual one if its bytes are not UTF-8.
    fn frame(&mut self, text: &str) -> String {
        let header = self.raw.iter().position(|&byte| byte == b'#').unwrap_or_default();
        let (before, rest) = self.raw.split_at(header);
        let line = match (str::from_utf8(before), rest.strip_prefix(b"#")) {
            (Ok(header), Some(rest)) if rest.starts_with(text.as_bytes()) => format!("{header}#{text}"),
            _ => {
                self.raw.clear();
                return escaped(&format!("{}#{text}", units(text)));
            }
        };
        self.raw.drain(..line.len());
        escaped(&line)
    }
}

/// Returns the text with its control characters escaped: a service must not move our cursor.
fn escaped(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        match character.is_control() {
            true => shown.extend(character.escape_default()),
            false => shown.push(character),
        }
    }
    shown
}

/// Returns the beginning of the bytes, quoted.
fn excerpt(bytes: &[u8]) -> String {
    let (shown, more) = match bytes.get(..MAX_SHOWN_BYTES) {
        Some(shown) => (shown, "…"),
        None => (bytes, ""),
    };
    format!("\"{}\"{more}", shown.escape_ascii())
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
        let bytes = "07#[1,2,3] 3#\"求\"4#null".as_bytes();
        for cut in 0..bytes.len() {
            let frames = received(&[&bytes[..cut], &bytes[cut..]]);
            let bare: Vec<&str> = frames
                .iter()
                .map(|line| line[..line.rfind("  ").unwrap_or(line.len())].trim_end())
                .collect();
            assert_eq!(bare, ["< 07#[1,2,3]", "<  3#\"求\"", "< 4#null"], "{cut}");
        }
    }

    #[test]
    fn what_is_no_frame_is_shown_at_the_end() {
        let mut frames = FramesShown::default();
        assert_eq!(frames.received(b"HTTP/1.1 400 Bad Request\r\n"), [] as [&str; 0]);
        assert_eq!(
            frames.ended(),
            [
                "< no frame: \"HTTP/1.1 400 Bad Request\\r\\n\"",
                "* closed by the service"
            ]
        );
        assert_eq!(frames.ended(), ["* closed by the service"]);
    }

    #[test]
    fn a_broken_frame_says_what_is_wrong() {
        let lines = received(&[b"hello#there"]);
        assert_eq!(
            lines,
            ["< broken: frame header \"hello\" does not begin with a number: \"hello#there\""]
        );
    }

    #[test]
    fn control_characters_are_escaped() {
        assert_eq!(escaped("\u{1b}[2J\u{9b}求"), "\\u{1b}[2J\\u{9b}求");
        assert_eq!(excerpt(&[0x15, 3]), "\"\\x15\\x03\"");
    }
}
