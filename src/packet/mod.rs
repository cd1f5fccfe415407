//! Nest's packets: the JSON objects that travel inside frames.
//!
//! The reader and the writer of each shape are side by side and its writer side by side. Payloads
//! stay raw text ([`RawJson`], a slice of the frame) until a handler or a caller asks for a type.
//! This layer knows neither sockets nor handlers. The rules are those of Nest's
//! `server/server-tcp.js`, `client/client-tcp.js` and `deserializers/*` (`docs/PROTOCOL.md` §2).

mod embed;
mod error;
mod frame;
mod http_exception;
mod id;
mod id_span;
mod raw;
mod reply;
mod reply_packet;
mod request;
mod request_packet;
mod rpc_error;
mod shared_str;

pub use error::PacketError;
pub use http_exception::HttpException;
pub use id::CallId;
pub use raw::RawJson;
pub use reply::{IncomingReply, OutgoingReply, ReplyOutcome, write_reply};
pub use reply_packet::ReplyPacket;
pub(crate) use request::Draft;
pub use request::{IncomingRequest, write_event, write_request};
pub use request_packet::RequestPacket;
pub use rpc_error::RpcError;

pub(crate) use frame::Frame;
pub(crate) use id_span::{id_in_reply, id_in_request};
pub(crate) use reply::{ReplyMembers, read_fast};
pub(crate) use request::{ReplyId, RequestMembers};
pub(crate) use rpc_error::NoHandler;
