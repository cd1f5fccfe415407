//! The errors of frames. They are plain values except for [`CodecError`], which adds the errors of
//! the underlying stream.
//!
//! A [`FrameError`] is always the peer's fault: no text that this side writes, and no action of the
//! caller, leads to one. Nest ends the connection after each of them (`docs/PROTOCOL.md` §1).

use std::io;

/// Maximum number of characters of a header that an error quotes. A header can be as long as the
/// buffer is allowed to be.
const QUOTED: usize = 32;

/// The peer sent bytes that are not a frame. All buffered text is dropped; the decoder can still be
/// used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FrameError {
    /// The text before the `#` does not begin with a number. Usually the peer uses another
    /// protocol.
    #[error("frame header {header:?} does not begin with a number")]
    CorruptedLength {
        /// The text before the `#`, or its beginning and `…` if it is long.
        header: Box<str>,
    },
    /// The length is zero or negative, and no JSON text is that short.
    #[error("frame header {header:?} announces an empty text")]
    EmptyFrame {
        /// The text before the `#`, or its beginning and `…` if it is long.
        header: Box<str>,
    },
    /// The buffered text exceeds the limit: a frame is too large, or too many small frames arrived
    /// at once.
    #[error("{buffered} UTF-16 units are buffered where {max} are allowed")]
    TooLarge {
        /// The number of UTF-16 units buffered, including a header not yet taken.
        buffered: usize,
        /// The limit, in UTF-16 units.
        max: usize,
    },
    /// The length ends between the two UTF-16 units of one character. The text would end with half
    /// a character, which no JSON text does.
    #[error("frame length {length} ends in the middle of a character")]
    SplitCharacter {
        /// The length in the header, in UTF-16 units.
        length: usize,
    },
}

impl FrameError {
    pub(super) fn corrupted_length(header: &str) -> Self {
        Self::CorruptedLength { header: quote(header) }
    }

    pub(super) fn empty_frame(header: &str) -> Self {
        Self::EmptyFrame { header: quote(header) }
    }
}

fn quote(header: &str) -> Box<str> {
    match header.char_indices().nth(QUOTED) {
        Some((end, _)) => format!("{}…", &header[..end]).into(),
        None => header.into(),
    }
}

/// The reason why a stream of frames ended early, for [`tokio_util::codec::Framed`] and similar
/// types.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CodecError {
    /// The peer sent bytes that are not a frame.
    #[error("the peer sent a broken frame")]
    Frame(#[from] FrameError),
    /// The stream ended in the middle of a frame: the peer crashed or gave up, or the network
    /// failed.
    #[error("the stream ended in the middle of a frame")]
    CutShort,
    /// Reading or writing failed.
    #[error("the stream failed")]
    Io(#[from] io::Error),
}

#[cfg(test)]
mod tests {
    use std::error::Error;

    use super::*;

    #[test]
    fn messages_say_what_was_wrong() {
        let messages = [
            FrameError::corrupted_length("GET /\n").to_string(),
            FrameError::empty_frame("-1").to_string(),
            FrameError::TooLarge { buffered: 12, max: 10 }.to_string(),
            FrameError::SplitCharacter { length: 3 }.to_string(),
        ];
        assert_eq!(
            messages,
            [
                r#"frame header "GET /\n" does not begin with a number"#,
                r#"frame header "-1" announces an empty text"#,
                "12 UTF-16 units are buffered where 10 are allowed",
                "frame length 3 ends in the middle of a character",
            ]
        );
    }

    #[test]
    fn a_long_header_is_shortened_to_whole_characters() {
        let exact = "求".repeat(QUOTED);
        let long = format!("{exact}😀");
        assert_eq!(
            FrameError::corrupted_length(&exact),
            FrameError::CorruptedLength {
                header: exact.clone().into()
            }
        );
        assert_eq!(
            FrameError::corrupted_length(&long),
            FrameError::CorruptedLength {
                header: format!("{exact}…").into()
            }
        );
    }

    #[test]
    fn the_cause_is_the_source_and_not_in_the_message() {
        let error = CodecError::from(FrameError::empty_frame("0"));
        assert_eq!(error.to_string(), "the peer sent a broken frame");
        assert_eq!(
            error.source().map(ToString::to_string).as_deref(),
            Some(r#"frame header "0" announces an empty text"#)
        );
    }

    #[test]
    #[cfg(target_pointer_width = "64")]
    fn errors_are_small() {
        assert_eq!(size_of::<FrameError>(), 24);
        assert_eq!(size_of::<CodecError>(), 24);
    }
}
