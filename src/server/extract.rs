//! What handlers may take: extractors, as in axum.

use std::{future::Future, net::SocketAddr, sync::Arc};

use serde::de::DeserializeOwned;

use super::{Kind, Request};
use crate::packet::{RawJson, RpcError};

/// What a handler may take as a parameter: something made out of the [`Request`] and the router's state.
///
/// Implement it for your own: a user looked up from the metadata, say.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be a handler's parameter",
    label = "not an extractor",
    note = "take the data as `Payload<{Self}>`, where `{Self}: serde::de::DeserializeOwned`",
    note = "take the router's state as `State<{Self}>`"
)]
pub trait FromRequest<S>: Sized {
    /// Makes it.
    ///
    /// # Errors
    /// What is answered when it can't be made; the handler then does not run.
    fn from_request(request: &mut Request, state: &S) -> impl Future<Output = Result<Self, RpcError>> + Send;
}

/// The data of a message or event, decoded by serde; as a return type, a value to be serialised.
///
/// `Option<Payload<T>>` is `None` when the data is undefined, that is, when the packet has no `data`.
///
/// ```
/// use nest_wire::server::{Payload, Router};
///
/// #[derive(serde::Deserialize)]
/// struct Greeting { name: String }
///
/// async fn greet(Payload(greeting): Payload<Greeting>) -> String {
///     format!("Hello {}!", greeting.name)
/// }
///
/// let router: Router = Router::new().message("greet", greet);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Payload<T>(pub T);

impl<S: Sync, T: DeserializeOwned> FromRequest<S> for Payload<T> {
    /// # Errors
    /// An answer that says what does not fit, and where.
    async fn from_request(request: &mut Request, _: &S) -> Result<Self, RpcError> {
        let data = request.data.as_ref().ok_or_else(missing)?;
        decode(data)
    }
}

impl<S: Sync, T: DeserializeOwned> FromRequest<S> for Option<Payload<T>> {
    async fn from_request(request: &mut Request, _: &S) -> Result<Self, RpcError> {
        request.data.as_ref().map(decode).transpose()
    }
}

fn decode<T: DeserializeOwned>(data: &RawJson) -> Result<Payload<T>, RpcError> {
    data.parse()
        .map(Payload)
        .map_err(|mismatch| RpcError::new(format_args!("invalid payload: {mismatch}")))
}

fn missing() -> RpcError {
    RpcError::new("invalid payload: there is no data")
}

/// The data as it stands in the packet: no copy, no decoding.
impl<S: Sync> FromRequest<S> for RawJson {
    async fn from_request(request: &mut Request, _: &S) -> Result<Self, RpcError> {
        request.data.clone().ok_or_else(missing)
    }
}

impl<S: Sync> FromRequest<S> for Option<RawJson> {
    async fn from_request(request: &mut Request, _: &S) -> Result<Self, RpcError> {
        Ok(request.data.clone())
    }
}

/// The router's state, cloned: keep in it what is cheap to clone, an [`Arc`] or a pool.
///
/// ```
/// use std::sync::{Arc, atomic::{AtomicU64, Ordering}};
/// use nest_wire::server::{Router, State};
///
/// async fn next(State(counter): State<Arc<AtomicU64>>) -> u64 {
///     counter.fetch_add(1, Ordering::Relaxed)
/// }
///
/// let router: Router = Router::new().message("next", next).with_state(Arc::default());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct State<S>(pub S);

impl<S: Clone + Send + Sync> FromRequest<S> for State<S> {
    async fn from_request(_: &mut Request, state: &S) -> Result<Self, RpcError> {
        Ok(Self(state.clone()))
    }
}

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
    pub kind: Kind,
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

/// The whole request.
impl<S: Sync> FromRequest<S> for Request {
    async fn from_request(request: &mut Request, _: &S) -> Result<Self, RpcError> {
        Ok(request.clone())
    }
}
