//! `@UseGuards(TokenGuard)`, for a single handler and for all handlers of a router.

use nest_wire::{
    packet::RpcError,
    server::{
        Metadata, Reply, Request, Router,
        extract::FromRequest,
        middleware::{Next, from_fn},
    },
};
use serde::Deserialize;

#[derive(Deserialize)]
struct Credentials {
    token: String,
}

/// The caller, known by the token in the packet's metadata.
pub(crate) struct Caller(pub(crate) String);

impl<S: Sync> FromRequest<S> for Caller {
    async fn from_request(request: &mut Request, state: &S) -> Result<Self, RpcError> {
        match Metadata::<Credentials>::from_request(request, state).await {
            Ok(Metadata(Credentials { token })) if token == "let me in" => Ok(Self(token)),
            _ => Err(RpcError::new("Forbidden resource")),
        }
    }
}

/// The same as a layer: the wrapped handlers run only for such a caller.
async fn guard(_: Caller, request: Request, next: Next) -> Reply {
    next.run(request).await
}

pub(crate) fn router() -> Router {
    let guarded = Router::new()
        .message("ledger", async || "all of it")
        .layer(from_fn(guard));
    Router::new()
        .message("secret", async |Caller(token): Caller| format!("for {token}"))
        .merge(guarded)
}
