//! Frames: `length#text`, the form in which NestJS sends JSON over TCP.
//!
//! Converts bytes to text and back. The length is that of a JavaScript string: UTF-16 code units,
//! neither bytes nor characters. This layer does no I/O and does not know JSON: a frame's text is
//! returned unparsed, and a caller that finds that it is not JSON reports that with
//! [`FrameDecoder::abandon`].
//!
//! ```text
//!                 FrameDecoder::decode
//!   src: BytesMut ────────────────────►  ByteString      16#{"response":"求"}: 16 units in 18 bytes
//!   dst: BytesMut ◄────────────────────  &str
//!                 encode, encode_with
//! ```
//!
//! The rules are those of Nest's `helpers/json-socket.js` (`docs/PROTOCOL.md` §1). A [`FrameError`]
//! is always the peer's fault.
//!
//! ```
//! use bytes::BytesMut;
//! use nest_wire::codec::{FrameDecoder, encode};
//!
//! let mut wire = BytesMut::new();
//! encode(r#"{"response":"求"}"#, &mut wire);
//! assert_eq!(wire, r#"16#{"response":"求"}"#);
//!
//! let text = FrameDecoder::default().decode(&mut wire)?;
//! assert_eq!(text.as_deref(), Some(r#"{"response":"求"}"#));
//! # Ok::<(), nest_wire::codec::FrameError>(())
//! ```

mod buffer;
mod decode;
mod encode;
mod error;
mod framed;
mod header;
#[cfg(test)]
mod oracle;
#[cfg(test)]
mod properties;
mod utf16;
mod utf8;

/// A frame's text: [`Bytes`](bytes::Bytes) known to be UTF-8, so that packets can keep parts of it
/// without a copy.
pub use bytestring::ByteString;
pub use decode::{DEFAULT_MAX_BUFFER_UNITS, FrameDecoder};
pub use encode::{encode, encode_with};
pub use error::{CodecError, FrameError};
pub use framed::{FrameCodec, FrameEncoder};
pub use utf16::units;

pub(crate) use encode::{encode_header_of, encode_pieces};
