//! Handlers that keep a [contract](crate::contract).

pub(in crate::server) mod handler;
pub(in crate::server) mod reply_of;
pub(in crate::server) mod request_of;

pub use crate::server::contract::handler::ContractHandler;
pub use crate::server::contract::reply_of::ReplyOf;
pub use crate::server::contract::request_of::RequestOf;
