//! `@Catch(RoomTaken)`: callers receive errors of this type; any other error stays "Internal server
//! error".

use std::num::ParseIntError;

use nest_wire::{
    packet::RpcError,
    server::{Payload, Reply, Router, reply::IntoRpcError},
};
use serde_json::json;
use tower::util::MapResponseLayer;

#[derive(Debug, thiserror::Error)]
pub(crate) enum BookingError {
    #[error("room {0} is taken")]
    RoomTaken(u32),
    #[error("the database is gone")]
    Database(#[source] std::io::Error),
}

impl IntoRpcError for BookingError {
    fn into_rpc_error(self) -> RpcError {
        match self {
            Self::RoomTaken(room) => {
                RpcError::from_value(&json!({ "code": "ROOM_TAKEN", "room": room })).unwrap_or_else(Into::into)
            }
            Self::Database(_) => RpcError::internal_from(self), // logged, not sent
        }
    }
}

async fn book(Payload(room): Payload<u32>) -> Result<&'static str, BookingError> {
    match room {
        7 => Err(BookingError::RoomTaken(room)),
        13 => Err(BookingError::Database(std::io::ErrorKind::ConnectionReset.into())),
        _ => Ok("booked"),
    }
}

/// A filter for all handlers of a router: it inspects the cause of an error and replaces the error.
fn describe(reply: Reply) -> Reply {
    let Reply::Error(error) = reply else { return reply };
    let described = match error.cause() {
        Some(cause) if cause.is::<ParseIntError>() => RpcError::new("not a number"),
        _ => error,
    };
    Reply::Error(described)
}

pub(crate) fn router() -> Router {
    let parsed = async |Payload(text): Payload<String>| -> Result<u32, RpcError> { Ok(text.parse()?) };
    Router::new()
        .message("book", book)
        .message("parse", parsed)
        .layer(MapResponseLayer::new(describe))
}
