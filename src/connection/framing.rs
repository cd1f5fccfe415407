//! The one place to plug in another framing, or packets of another shape.
//!
//! Knows neither sockets nor handlers. Nest's own framing does not go through here: it is `codec`,
//! reached without a virtual call.

use std::{error::Error, fmt, sync::Arc};

use bytes::BytesMut;
use bytestring::ByteString;

use super::{Caught, ConnectionError, FramingError, caught};

/// How packets stand on a connection, where that is not Nest's `length#json`: the counterpart of
/// Nest's options `socketClass`, `serializer` and `deserializer`, all three in one.
///
/// On this side are packets as Nest makes them by default, as JSON text:
/// `{"pattern":…,"data":…,"id":…}` from callers, `{"response":…,"isDisposed":true,"id":…}` to them
/// (`docs/PROTOCOL.md` §2). On the other side is whatever the two peers have agreed on: another
/// header, MessagePack, members by other names. A framing is made for each connection
/// ([`TransportConfig::framing`](super::TransportConfig::framing)), so it may have state: a version
/// agreed on, a cipher.
///
/// A panic in any of its functions is an error of that function. One that panics in
/// [`decode`](Self::decode) or [`is_mid_frame`](Self::is_mid_frame) has broken the framing, as a
/// peer would; it takes no handler and no other connection with it.
///
/// Packets that are only shaped otherwise and framed as ever are made with [`codec`](crate::codec)
/// in between: call a [`FrameDecoder`](crate::codec::FrameDecoder) in `decode` and
/// [`encode`](crate::codec::encode()) in `encode`. `examples/custom_framing` speaks to Nest
/// services and callers that use the same custom class.
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
    /// Takes the next whole packet out of the front of `received` and gives it as JSON text;
    /// `Ok(None)`: more bytes are needed. It is called again until it says so.
    ///
    /// Leave the bytes of a packet in `received` until all of it is there, or else implement
    /// [`is_mid_frame`](Self::is_mid_frame). The text is not looked at here; if it turns out not to
    /// be JSON the connection ends with [`ConnectionError::Packet`].
    ///
    /// # Errors
    /// The peer broke the framing. The connection then ends with
    /// [`ConnectionError::CustomFraming`], which adds where: nothing that it sends from there on is
    /// looked at. A service closes its own side, as Nest's does.
    fn decode(&mut self, received: &mut BytesMut) -> Result<Option<ByteString>, FramingError>;

    /// Appends `packet`, which is JSON text, to `out`.
    ///
    /// # Errors
    /// This packet can't be put that way; it is too long for its header, say. What was appended is
    /// taken back and the connection goes on. A client's call or event whose packet it is fails
    /// with `CallError::Unframeable`; a reply becomes "Internal server error", and the reason is
    /// logged. If that cannot be framed either, the connection is cut with
    /// [`ConnectionError::Encode`], because the caller would wait for ever.
    fn encode(&mut self, packet: &str, out: &mut BytesMut) -> Result<(), FramingError>;

    /// Returns true if a packet is there in part, `received` being what [`decode`](Self::decode)
    /// left: what arms
    /// [`TransportConfig::incomplete_message_timeout`](super::TransportConfig::incomplete_message_timeout).
    /// By default: whether anything was left.
    fn is_mid_frame(&self, received: &BytesMut) -> bool {
        !received.is_empty()
    }
}

/// Makes a framing for each connection.
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
    /// Two closures are the same one or nothing is known of them.
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for MakeFraming {}

/// The framing of one connection, and what has to be remembered for it. Whatever runs code of the
/// framing is in here, and catches its panics.
pub(super) struct Custom {
    /// `None` if it could not be made.
    framing: Option<Box<dyn Framing>>,
    /// What has arrived and was not taken by the framing.
    received: BytesMut,
    /// In bytes; of what `decode` leaves.
    max_buffer_size: usize,
    /// How many bytes have been taken out of the stream so far: where the next packet begins.
    offset: u64,
    /// After an error, nobody knows where the next packet begins.
    is_lost: bool,
    /// The packet to be written next, as JSON. Empty between two calls; kept for its memory.
    packet: BytesMut,
    /// Why the connection can't go on, until somebody asks.
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

    /// Takes in what was read.
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
                    // Lets go of the memory: an idle connection owns none.
                    self.received = BytesMut::new();
                }
                return Ok(packet);
            }
        };
        Err(ConnectionError::CustomFraming { offset, source })
    }

    /// Forgets what has arrived, and looks at nothing any more.
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

    /// Appends the packet that `write` writes to `out`.
    ///
    /// # Errors
    /// The framing refuses it. Nothing has been appended then.
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

    /// A packet could not be written that has to be.
    pub(super) fn fail(&mut self, error: FramingError) {
        self.failure.get_or_insert(ConnectionError::Encode(error));
    }

    /// Returns whether the connection can go on; says why not once.
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
