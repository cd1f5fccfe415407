//! The error of a frame whose text is not a packet.

use crate::json;

/// The text of a frame is not JSON. Nest closes the connection on it (`helpers/tcp-socket.js`,
/// `emitMessage`).
///
/// The error is the peer's fault. Any text that *is* JSON is a packet, however odd.
#[derive(Debug, thiserror::Error)]
#[error("the frame's text is not JSON: {text:?}")]
pub struct PacketError {
    /// The beginning of the text, at most [`PacketError::EXCERPT`] characters of it.
    text: String,
    #[source]
    source: json::ParseError,
}

impl PacketError {
    /// Maximum number of characters of the offending text that the error keeps.
    pub const EXCERPT: usize = 64;

    pub(super) fn new(text: &str, source: json::ParseError) -> Self {
        Self {
            text: text.chars().take(Self::EXCERPT).collect(),
            source,
        }
    }
}
