//! One connection: bytes on one side, frames on the other, over any `AsyncRead + AsyncWrite`.
//!
//! The connection reads a segment at a time, cuts it into frames, gathers what is written and sends
//! it when it is flushed, and watches Nest's limits. It knows nothing of handlers and calls, and
//! starts no task. Rules: Nest's `helpers/json-socket.js` and `helpers/tcp-socket.js`
//! (`docs/PROTOCOL.md` §1).

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
