//! Extractors: the parameters that handlers may take, as in axum.

pub(in crate::server) mod context;
pub(in crate::server) mod extension;
pub(in crate::server) mod payload;
pub(in crate::server) mod rejection;
pub(in crate::server) mod state;

use std::future::Future;

pub use crate::server::extract::context::Context;
pub use crate::server::extract::extension::Extension;
pub use crate::server::extract::payload::Metadata;
pub use crate::server::extract::payload::Payload;
pub use crate::server::extract::rejection::Part;
pub use crate::server::extract::rejection::Rejection;
pub use crate::server::extract::state::FromRef;
pub use crate::server::extract::state::State;

use crate::{packet::RpcError, server::Request};

/// A parameter that a handler may take, made from the [`Request`] and the router's state.
///
/// | Parameter | What it is |
/// | --- | --- |
/// | [`Payload<T>`] | the data, decoded |
/// | [`RawJson`](crate::packet::RawJson) | the data as it stands in the packet |
/// | [`Context`] | pattern, peer, metadata |
/// | [`Metadata<T>`] | the metadata, decoded |
/// | [`State<T>`] | the router's state, or a part of it |
/// | [`Extension<T>`] | a value that a layer or the connection passes to handlers |
/// | [`Request`] | all of it |
///
/// `Option` of `Payload`, `RawJson`, `Metadata` and `Extension` stands for what may be absent.
/// Implement it for types of your own: for example a user looked up from the metadata, as a guard
/// does in Nest.
///
/// ```
/// use nest_wire::{packet::RpcError, server::{Metadata, Request, Router, extract::FromRequest}};
///
/// struct User(String);
///
/// impl<S: Sync> FromRequest<S> for User {
///     async fn from_request(request: &mut Request, state: &S) -> Result<Self, RpcError> {
///         #[derive(serde::Deserialize)]
///         struct Token { token: String }
///
///         let Metadata(Token { token }) = Metadata::from_request(request, state).await?;
///         match token.strip_prefix("user-") {
///             Some(name) => Ok(Self(name.to_owned())),
///             None => Err(RpcError::new("Forbidden resource")),
///         }
///     }
/// }
///
/// let router: Router = Router::new().message("whoami", async |User(name): User| name);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be a handler's parameter",
    label = "not an extractor",
    note = "take the data as `Payload<{Self}>`, where `{Self}: serde::de::DeserializeOwned`",
    note = "take the router's state as `State<{Self}>`"
)]
pub trait FromRequest<S>: Sized {
    /// Makes the parameter from the request. Returns it.
    ///
    /// # Errors
    /// The parameter can't be made. The error is the reply, and the handler does not run.
    fn from_request(request: &mut Request, state: &S) -> impl Future<Output = Result<Self, RpcError>> + Send;
}

/// The whole request.
impl<S: Sync> FromRequest<S> for Request {
    async fn from_request(request: &mut Request, _: &S) -> Result<Self, RpcError> {
        Ok(request.clone())
    }
}
