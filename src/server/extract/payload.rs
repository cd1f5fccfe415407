//! The data and the metadata of a packet, decoded or as they are.

use serde::de::DeserializeOwned;

use crate::{
    json::Maybe,
    packet::{RawJson, RpcError},
    server::{
        Request,
        extract::{FromRequest, Part, Rejection},
        reply::IntoRpcError,
    },
};

/// The data of a message or event, decoded by serde. As a return type, a value to be serialised.
///
/// `Option<Payload<T>>` is `None` if the data is undefined, that is, if the packet has no `data`.
/// Data that does not fit `T` is answered with an error that names what was expected and where in
/// the data (see [`Rejection`]).
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

/// The metadata that the caller's instrumentation attached, decoded by serde (Nest's
/// `TcpContext.getMetadata()`).
///
/// `Option<Metadata<T>>` is `None` if the packet has no metadata, as with callers older than Nest
/// 12.1.
///
/// ```
/// use std::collections::HashMap;
/// use nest_wire::server::{Metadata, Router};
///
/// async fn tenant(Metadata(metadata): Metadata<HashMap<String, String>>) -> Option<String> {
///     metadata.get("tenant").cloned()
/// }
///
/// let router: Router = Router::new().message("tenant", tenant);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Metadata<T>(pub T);

impl<S: Sync, T: DeserializeOwned> FromRequest<S> for Payload<T> {
    async fn from_request(request: &mut Request, _: &S) -> Result<Self, RpcError> {
        decode(request.data.as_ref(), Part::Payload).map(Self)
    }
}

impl<S: Sync, T: DeserializeOwned> FromRequest<S> for Option<Payload<T>> {
    async fn from_request(request: &mut Request, _: &S) -> Result<Self, RpcError> {
        decode_any(request.data.as_ref(), Part::Payload).map(|data| data.map(Payload))
    }
}

impl<S: Sync, T: DeserializeOwned> FromRequest<S> for Metadata<T> {
    async fn from_request(request: &mut Request, _: &S) -> Result<Self, RpcError> {
        decode(request.metadata.as_ref(), Part::Metadata).map(Self)
    }
}

impl<S: Sync, T: DeserializeOwned> FromRequest<S> for Option<Metadata<T>> {
    async fn from_request(request: &mut Request, _: &S) -> Result<Self, RpcError> {
        decode_any(request.metadata.as_ref(), Part::Metadata).map(|metadata| metadata.map(Metadata))
    }
}

/// `Undefined` if the packet has no data. Nest's `data => data` is `async |data:
/// Maybe<Payload<json::Value>>| data`.
impl<S: Sync, T: DeserializeOwned> FromRequest<S> for Maybe<Payload<T>> {
    async fn from_request(request: &mut Request, _: &S) -> Result<Self, RpcError> {
        decode_any(request.data.as_ref(), Part::Payload).map(|data| data.map(Payload).into())
    }
}

/// The data as it stands in the packet: it is not decoded, and copied only if it is short.
impl<S: Sync> FromRequest<S> for RawJson {
    async fn from_request(request: &mut Request, _: &S) -> Result<Self, RpcError> {
        request
            .data
            .clone()
            .ok_or_else(|| Rejection::Missing(Part::Payload).into_rpc_error())
    }
}

impl<S: Sync> FromRequest<S> for Option<RawJson> {
    async fn from_request(request: &mut Request, _: &S) -> Result<Self, RpcError> {
        Ok(request.data.clone())
    }
}

impl<S: Sync> FromRequest<S> for Maybe<RawJson> {
    async fn from_request(request: &mut Request, _: &S) -> Result<Self, RpcError> {
        Ok(request.data.clone().into())
    }
}

fn decode<T: DeserializeOwned>(json: Option<&RawJson>, part: Part) -> Result<T, RpcError> {
    decode_any(json, part)?.ok_or_else(|| Rejection::Missing(part).into_rpc_error())
}

fn decode_any<T: DeserializeOwned>(json: Option<&RawJson>, part: Part) -> Result<Option<T>, RpcError> {
    let Some(json) = json else { return Ok(None) };
    match json.parse() {
        Ok(value) => Ok(Some(value)),
        Err(mismatch) => Err(Rejection::explain::<T>(json, part, mismatch).into_rpc_error()),
    }
}
