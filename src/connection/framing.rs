//! The extension point for another framing, or for packets of another shape.
//!
//! This module knows neither sockets nor handlers. Nest's own framing does not use it: that is
//! `codec`, which is called without dynamic dispatch.

use std::{error::Error, fmt, sync::Arc};

use bytes::BytesMut;
use bytestring::ByteString;

use super::{Caught, ConnectionError, FramingError, caught};

/// Defines how packets are framed and shaped on a connection that does not use Nest's
/// `length#json`: the counterpart of Nest's options `socketClass`, `serializer` and `deserializer`,
/// all three in one.
///
/// This side of a framing has packets as Nest creates them by default, as JSON text:
/// `{"pattern":…,"data":…,"id":…}` from callers, `{"response":…,"isDisposed":true,"id":…}` to
/// callers (`docs/PROTOCOL.md` §2). The other side has whatever the two peers have agreed on:
/// another header, MessagePack, members with other names. A framing is created for each connection
/// ([`TransportConfig::framing`](super::TransportConfig::framing)), so it may have state, such as a
/// negotiated version or a cipher.
///
/// A panic in any of these functions is handled as an error of that function. A panic in
/// [`decode`](Self::decode) or [`is_mid_frame`](Self::is_mid_frame) is treated as if the peer had
/// broken the framing; it affects no handler and no other connection.
///
/// To change only the shape of packets and keep Nest's framing, use [`codec`](crate::codec): call a
/// [`FrameDecoder`](crate::codec::FrameDecoder) in `decode` and [`encode`](crate::codec::encode())
/// in `encode`. `examples/custom_framing` communicates with Nest services and callers that use the
/// same custom class.
///
/// ```
/// use bytes::{Buf, BufMut, BytesMut};
/// use nest_wire::{codec::ByteString, connection::{TransportConfig, Framing, FramingError}};
///
/// /// One packet a line: JSON has no line feeds of its own.
/// struct Lines;
///
/// impl Framing for Lines {
///     fn decode(&mut self, received: &mut BytesMut) -> Result<Option<ByteString>, FramingError> {
///         let Some(end) = received.iter().position(|&byte| byte == b'\n') else {
///             return Ok(None);
///         };
///         let line = received.split_to(end).freeze();
///         received.advance(1);
///         Ok(Some(ByteString::try_from(line)?))
///     }
///
///     fn encode(&mut self, packet: &str, out: &mut BytesMut) -> Result<(), FramingError> {
///         out.put_slice(packet.as_bytes());
///         out.put_u8(b'\n');
///         Ok(())
///     }
/// }
///
/// let config = TransportConfig::default().framing(|| Lines);
/// ```
pub trait Framing: Send {
    /// Takes the next whole packet from the front of `received`. Returns its JSON text, or
    /// `Ok(None)` if more bytes are needed. It is called again until it returns `Ok(None)`.
    ///
    /// Leave the bytes of a packet in `received` until the whole packet is there, or implement
    /// [`is_mid_frame`](Self::is_mid_frame). The text is not checked here; if it is not JSON, the
    /// connection ends with [`ConnectionError::Packet`].
    ///
    /// # Errors
    /// The peer broke the framing. The connection then ends with
    /// [`ConnectionError::CustomFraming`], which adds the offset; nothing that the peer sends after
    /// that is read. A service closes its own side, as Nest's does.
    fn decode(&mut self, received: &mut BytesMut) -> Result<Option<ByteString>, FramingError>;

    /// Appends `packet`, which is JSON text, to `out`.
    ///
    /// # Errors
    /// This packet can't be framed, for example because it is too long for its header. The bytes
    /// appended are removed and the connection continues. A client's call or event with this packet
    /// fails with `CallError::Unframeable`; a reply is replaced by "Internal server error", and the
    /// reason is logged. If that reply cannot be framed either, the connection is cut with
    /// [`ConnectionError::Encode`], because the caller would otherwise wait forever.
    fn encode(&mut self, packet: &str, out: &mut BytesMut) -> Result<(), FramingError>;

    /// Returns true if a packet has been received in part, which starts
    /// [`TransportConfig::incomplete_message_timeout`](super::TransportConfig::incomplete_message_timeout).
    /// `received` holds the bytes that [`decode`](Self::decode) left. By default: true if any bytes
    /// were left.
    fn is_mid_frame(&self, received: &BytesMut) -> bool {
        !received.is_empty()
    }
}

/// Creates a framing for each connection.
#[derive(Clone)]
pub(super) struct MakeFraming(Arc<dyn Fn() -> Box<dyn Framing> + Send + Sync>);

impl MakeFraming {
    pub(super) fn new<F: Framing + 'static>(make: impl Fn() -> F + Send + Sync + 'static) -> Self {
        Self(Arc::new(move || Box::new(make())))
    }
}

impl fmt::Debug for MakeFraming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("custom")
    }
}

impl PartialEq for MakeFraming {
    /// Returns true if both are the same closure; different closures cannot be compared.
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for MakeFraming {}

/// The framing of one connection and its state. All code that calls the framing is in this type,
/// which catches the framing's panics.
pub(super) struct Custom {
    /// `None` if the framing could not be created.
    framing: Option<Box<dyn Framing>>,
    /// The received bytes that the framing has not consumed.
    received: BytesMut,
    /// Maximum number of bytes that `decode` may leave.
    max_buffer_size: usize,
    /// The number of bytes consumed so far, which is the offset of the next packet.
    offset: u64,
    /// True after an error, because the start of the next packet is then unknown.
    is_lost: bool,
    /// The next packet to be written, as JSON. It is empty between two calls, and kept to reuse its
    /// memory.
    packet: BytesMut,
    /// The reason why the connection can't continue, until [`check`](Self::check) returns it.
    failure: Option<ConnectionError>,
}

impl Custom {
    pub(super) fn new(make: &MakeFraming, max_buffer_size: usize) -> Self {
        let (framing, failure) = match caught("what makes the framing", || make.0()) {
            Ok(framing) => (Some(framing), None),
            Err(panic) => (None, Some(ConnectionError::Encode(panic.into()))),
        };
        Self {
            framing,
            received: BytesMut::new(),
            max_buffer_size,
            offset: 0,
            is_lost: false,
            packet: BytesMut::new(),
            failure,
        }
    }

    /// Appends received bytes.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        if !self.is_lost {
            self.received.extend_from_slice(bytes);
        }
    }

    pub(super) fn next_frame(&mut self) -> Result<Option<ByteString>, ConnectionError> {
        let (false, Some(framing)) = (self.is_lost, &mut self.framing) else {
            return Ok(None);
        };
        let before = self.received.len();
        let outcome = flat(caught(FRAMING, || framing.decode(&mut self.received)));
        let left = self.received.len();
        let offset = self.offset;
        self.offset += before.saturating_sub(left) as u64;
        let source = match outcome {
            Ok(None) if left > self.max_buffer_size => too_large(left, self.max_buffer_size),
            Err(error) => error,
            Ok(packet) => {
                if left == 0 {
                    // Releases the memory, because an idle connection should own none.
                    self.received = BytesMut::new();
                }
                return Ok(packet);
            }
        };
        Err(ConnectionError::CustomFraming { offset, source })
    }

    /// Drops the received bytes and ignores all later ones.
    pub(super) fn lose(&mut self) {
        self.is_lost = true;
        self.received = BytesMut::new();
    }

    pub(super) fn is_mid_frame(&mut self) -> bool {
        let (false, Some(framing)) = (self.is_lost, &self.framing) else {
            return false;
        };
        match caught(FRAMING, || framing.is_mid_frame(&self.received)) {
            Ok(is_mid_frame) => is_mid_frame,
            Err(panic) => {
                self.lose();
                self.failure.get_or_insert(ConnectionError::CustomFraming {
                    offset: self.offset,
                    source: panic.into(),
                });
                false
            }
        }
    }

    /// Appends the packet that `write` writes to `out`, framed.
    ///
    /// # Errors
    /// The framing refuses the packet. Nothing has been appended in that case.
    pub(super) fn encode(&mut self, write: impl FnOnce(&mut BytesMut), out: &mut BytesMut) -> Result<(), FramingError> {
        let Some(framing) = &mut self.framing else {
            return Err("the framing could not be made".into());
        };
        let before = out.len();
        self.packet.clear();
        write(&mut self.packet);
        let text = String::from_utf8_lossy(&self.packet);
        let encoded = flat(caught(FRAMING, || framing.encode(&text, out)));
        self.packet.clear();
        if encoded.is_err() {
            out.truncate(before);
        }
        encoded
    }

    /// Records that a packet that must be written could not be framed.
    pub(super) fn fail(&mut self, error: FramingError) {
        self.failure.get_or_insert(ConnectionError::Encode(error));
    }

    /// Returns an error if the connection can't continue. The error is returned only once.
    pub(super) fn check(&mut self) -> Result<(), ConnectionError> {
        self.failure.take().map_or(Ok(()), Err)
    }
}

impl Drop for Custom {
    fn drop(&mut self) {
        let framing = self.framing.take();
        if let Err(panic) = caught(FRAMING, || drop(framing)) {
            tracing::error!(error = &panic as &dyn Error, "a framing was dropped");
        }
    }
}

const FRAMING: &str = "the framing";

fn flat<T>(outcome: Result<Result<T, FramingError>, Caught>) -> Result<T, FramingError> {
    outcome.unwrap_or_else(|panic| Err(panic.into()))
}

impl fmt::Debug for Custom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Custom")
            .field("offset", &self.offset)
            .field("is_lost", &self.is_lost)
            .finish_non_exhaustive()
    }
}

fn too_large(buffered: usize, max: usize) -> FramingError {
    format!("{buffered} bytes are buffered where {max} are allowed").into()
}
