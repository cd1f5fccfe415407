//! `@Catch(RoomTaken)`: an error of one's own is told to the caller, any other stays "Internal server error".

use nest_wire::{
    packet::RpcError,
    server::{IntoRpcError, Payload, Reply, Router},
};
use serde_json::json;
use tower::util::MapResponseLayer;

#[derive(Debug, thiserror::Error)]
pub enum BookingError {
    #[error("room {0} is taken")]
    RoomTaken(u32),
    #[error("the database is gone")]
    Database(#[source] std::io::Error),
}

impl IntoRpcError for BookingError {
    fn into_rpc_error(self) -> RpcError {
        match self {
            Self::RoomTaken(room) => {
                RpcError::of(&json!({ "code": "ROOM_TAKEN", "room": room })).unwrap_or_else(Into::into)
            }
            Self::Database(_) => RpcError::caused_by(self), // logged, not told
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

/// A filter for all handlers of a router: it looks at why a handler failed and says so otherwise.
fn tell(reply: Reply) -> Reply {
    match reply {
        Reply::Error(error) if error.cause().is_some_and(|cause| cause.is::<std::num::ParseIntError>()) => {
            Reply::Error(RpcError::new("not a number"))
        }
        other => other,
    }
}

pub fn router() -> Router {
    let parsed = async |Payload(text): Payload<String>| -> Result<u32, RpcError> { Ok(text.parse()?) };
    Router::new()
        .message("book", book)
        .message("parse", parsed)
        .layer(MapResponseLayer::new(tell))
}
