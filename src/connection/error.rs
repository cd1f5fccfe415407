//! Why a connection ends before its time.

use std::{error::Error, io, time::Duration};

use crate::{codec::FrameError, packet::PacketError};

/// What a [`Framing`](super::Framing) says is wrong: any error, or a text (`Err("no such
/// version".into())`).
pub type FramingError = Box<dyn Error + Send + Sync>;

/// Why a connection ended. [`ConnectionError::Io`] is the network's doing or the system's,
/// [`ConnectionError::Encode`] our own, all else the peer's.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectionError {
    /// What arrived is not framed as `length#json`.
    #[error("the peer broke the framing")]
    Decode(#[from] FrameError),
    /// What arrived is not framed as the [`Framing`](super::Framing) in use says.
    #[error("the peer broke the framing, in the packet at byte {offset} of what it sent")]
    CustomFraming {
        /// Where the packet begins, in bytes since the connection was opened: how many the framing
        /// has taken before it.
        offset: u64,
        /// What the framing says is wrong.
        source: FramingError,
    },
    /// The [`Framing`](super::Framing) in use could not be made, or could not write a packet that
    /// has to be written.
    #[error("a packet cannot be framed")]
    Encode(#[source] FramingError),
    /// A frame holds no JSON.
    #[error("the peer sent a frame without JSON")]
    Packet(#[from] PacketError),
    /// A frame was begun and not finished: see
    /// [`TransportConfig::incomplete_message_timeout`](super::TransportConfig).
    #[error("the peer sent half a frame and then nothing for {0:?}")]
    IncompleteMessage(Duration),
    /// The peer does not read: see
    /// [`TransportConfig::max_send_buffer_size`](super::TransportConfig).
    #[error("the peer does not read: {buffered} bytes wait for it, {limit} may")]
    SendBufferFull {
        /// How many bytes wait to be sent.
        buffered: usize,
        /// How many may.
        limit: usize,
    },
    /// The network or the operating system failed.
    #[error("the link failed")]
    Io(#[from] io::Error),
}
