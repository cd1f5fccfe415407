//! Reasons why a capture cannot be read, or not to its end.

use std::io;

use thiserror::Error;

/// A capture cannot be read, or not further.
///
/// The texts continue the name of the file: `a.pcap: it ends inside a packet, at byte 96`.
#[derive(Debug, Error)]
#[non_exhaustive]
pub(crate) enum CaptureError {
    /// The source failed.
    #[error("{0}")]
    Io(#[source] io::Error),
    /// The first bytes are those of a compressed file, which this tool writes out.
    #[error("it is compressed")]
    Compressed { tool: &'static str },
    /// The first bytes are not those of pcap or pcapng.
    #[error("it is no capture")]
    NotACapture,
    /// All packets have a link layer that this module does not know.
    #[error("link type {0} is not known")]
    UnknownLinkType(i32),
    /// The file ends inside the header or packet that begins at this byte.
    #[error("it ends inside a packet, which begins at byte {offset}")]
    Truncated { offset: u64 },
    /// The header or packet that begins at this byte contradicts itself.
    #[error("the packet at byte {offset} is broken: {reason}")]
    Broken { offset: u64, reason: &'static str },
}

impl CaptureError {
    /// Returns true if everything before the error is sound, and only the rest of the file is gone.
    pub(crate) const fn is_truncated(&self) -> bool {
        matches!(self, Self::Truncated { .. })
    }
}
