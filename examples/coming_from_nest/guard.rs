//! `@UseGuards(TokenGuard)`, once for a single handler and once for all of a router.

use nest_wire::{
    packet::RpcError,
    server::{Endpoint, FromRequest, HandlerLayer, Metadata, Reply, Request, Router},
};
use serde::Deserialize;
use tower::{Service, layer::layer_fn, service_fn};

#[derive(Deserialize)]
struct Credentials {
    token: String,
}

/// Whoever calls, known by the token in the packet's metadata.
pub(crate) struct Caller(pub(crate) String);

impl<S: Sync> FromRequest<S> for Caller {
    async fn from_request(request: &mut Request, state: &S) -> Result<Self, RpcError> {
        match Metadata::<Credentials>::from_request(request, state).await {
            Ok(Metadata(Credentials { token })) if token == "let me in" => Ok(Self(token)),
            _ => Err(RpcError::new("Forbidden resource")),
        }
    }
}

/// The same as a layer: what it wraps runs only for such a caller.
pub(crate) fn guard() -> impl HandlerLayer {
    layer_fn(|handler: Endpoint| {
        service_fn(move |mut request: Request| {
            let mut handler = handler.clone();
            async move {
                match Caller::from_request(&mut request, &()).await {
                    Ok(_) => handler.call(request).await,
                    Err(refusal) => Ok(Reply::Error(refusal)),
                }
            }
        })
    })
}

pub(crate) fn router() -> Router {
    let guarded = Router::new().message("ledger", async || "all of it").layer(guard());
    Router::new()
        .message("secret", async |Caller(token): Caller| format!("for {token}"))
        .merge(guarded)
}
