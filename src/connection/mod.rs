//! One connection: bytes on one side, frames on the other, over any `AsyncRead + AsyncWrite`.
//!
//! The connection reads one segment at a time, splits it into frames, gathers the packets written,
//! sends them when it is flushed, and enforces Nest's limits. It does not know about handlers or
//! calls, and starts no task. The rules are those of Nest's `helpers/json-socket.js` and
//! `helpers/tcp-socket.js` (`docs/PROTOCOL.md` §1).

mod caught;
mod config;
mod duplex;
mod error;
mod framing;
mod keepalive;
mod listening;
mod low_water;
mod packets;
mod reader;
mod send_buffer;
mod tcp_options;
mod writer;

pub(crate) use caught::{Caught, caught, panic_message};
pub use config::TransportConfig;
pub use duplex::{Connection, Segment};
pub use error::{ConnectionError, FramingError};
pub use framing::Framing;
pub use keepalive::Keepalive;
pub(crate) use listening::listen;
pub use tcp_options::TcpOptions;
