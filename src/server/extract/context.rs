//! A packet's pattern, metadata and peer.

use std::{net::SocketAddr, sync::Arc};

use crate::{
    packet::{RawJson, RpcError},
    server::{Request, RequestKind, extract::FromRequest},
};

/// The contents of Nest's `TcpContext`: everything known about a packet except its data.
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
    /// Message or event: decides whether the caller waits for a reply.
    pub kind: RequestKind,
    /// The pattern as text: a string as it is, anything else as compact JSON. `None` is undefined.
    pub pattern: Option<Arc<str>>,
    /// The metadata that the caller's instrumentation attached.
    pub metadata: Option<RawJson>,
    /// The caller's address, if the connection has one.
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
