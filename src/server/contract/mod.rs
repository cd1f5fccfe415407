//! Handlers that keep a [contract](crate::contract).

mod handler;
mod reply_of;
mod request_of;
mod values_of;

pub use handler::ContractHandler;
pub use reply_of::ReplyOf;
pub use request_of::RequestOf;
pub use values_of::ValuesOf;
