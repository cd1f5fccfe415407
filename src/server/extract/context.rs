//! What is known of a packet besides its data.

use std::{net::SocketAddr, sync::Arc};

use crate::{
    packet::{RawJson, RpcError},
    server::{Request, RequestKind, extract::FromRequest},
};

/// What Nest's `TcpContext` tells of a packet, without its data.
///
/// ```
/// use nest_wire::server::{Context, Router};
///
/// async fn whereabouts(context: Context) -> Option<String> {
///     context.peer.map(|peer| peer.to_string())
/// }
///
/// let router: Router = Router::new().message("whereabouts", whereabouts);
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Context {
    /// Whether the caller waits for an answer.
    pub kind: RequestKind,
    /// The pattern as text: a string as it is, anything else as compact JSON. `None` is undefined.
    pub pattern: Option<Arc<str>>,
    /// What the caller's instrumentation attached.
    pub metadata: Option<RawJson>,
    /// Where the caller is, when the connection has an address.
    pub peer: Option<SocketAddr>,
}

impl<S: Sync> FromRequest<S> for Context {
    async fn from_request(request: &mut Request, _: &S) -> Result<Self, RpcError> {
        Ok(Self {
            kind: request.kind,
            pattern: request.pattern.clone(),
            metadata: request.metadata.clone(),
            peer: request.peer,
        })
    }
}
