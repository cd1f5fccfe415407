//! The errors that end a connection early.

use std::{error::Error, io, time::Duration};

use crate::{codec::FrameError, packet::PacketError};

/// The error of a [`Framing`](super::Framing): any error, or a text (`Err("no such
/// version".into())`).
pub type FramingError = Box<dyn Error + Send + Sync>;

/// The reason why a connection ended. [`ConnectionError::Io`] is caused by the network or the
/// operating system, [`ConnectionError::Encode`] by this side, and every other error by the peer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectionError {
    /// The received bytes are not framed as `length#json`.
    #[error("the peer broke the framing")]
    Decode(#[from] FrameError),
    /// The received bytes are not framed as the [`Framing`](super::Framing) in use requires.
    #[error("the peer broke the framing, in the packet at byte {offset} of what it sent")]
    CustomFraming {
        /// The offset of the packet, in bytes since the connection was opened: the number of bytes
        /// that the framing has consumed before it.
        offset: u64,
        /// The error that the framing returned.
        source: FramingError,
    },
    /// The [`Framing`](super::Framing) in use could not be created, or could not write a packet
    /// that must be written.
    #[error("a packet cannot be framed")]
    Encode(#[source] FramingError),
    /// A frame does not contain JSON.
    #[error("the peer sent a frame without JSON")]
    Packet(#[from] PacketError),
    /// A frame was begun and not finished in time: see
    /// [`TransportConfig::incomplete_message_timeout`](super::TransportConfig).
    #[error("the peer sent half a frame and then nothing for {0:?}")]
    IncompleteMessage(Duration),
    /// The peer does not read: see
    /// [`TransportConfig::max_send_buffer_size`](super::TransportConfig).
    #[error("the peer does not read: {buffered} bytes wait for it, {limit} may")]
    SendBufferFull {
        /// The number of bytes that are queued.
        buffered: usize,
        /// Maximum number of queued bytes.
        limit: usize,
    },
    /// The network or the operating system failed.
    #[error("the link failed")]
    Io(#[from] io::Error),
}
