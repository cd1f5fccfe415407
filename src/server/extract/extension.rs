//! Values that layers pass to handlers.

use std::any::type_name;

use crate::{
    packet::RpcError,
    server::{Request, extract::FromRequest},
};

/// A value that a layer, or the code that serves the connection, has put into the request's
/// [extensions](Request::extensions).
///
/// If the value is missing, the handler does not run: the caller receives "Internal server error"
/// and the type is logged. `Option<Extension<T>>` is then `None`.
///
/// ```
/// use nest_wire::server::{Request, Router, extract::Extension};
/// use tower::util::MapRequestLayer;
///
/// #[derive(Clone)]
/// struct Tenant(String);
///
/// let router: Router = Router::new()
///     .message("tenant", async |Extension(Tenant(name)): Extension<Tenant>| name)
///     .layer(MapRequestLayer::new(|mut request: Request| {
///         request.extensions.insert(Tenant("acme".to_owned()));
///         request
///     }));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extension<T>(pub T);

#[derive(Debug, thiserror::Error)]
#[error("no layer has left a {0} for this handler")]
struct MissingExtension(&'static str);

impl<S: Sync, T: Clone + Send + Sync + 'static> FromRequest<S> for Extension<T> {
    async fn from_request(request: &mut Request, _: &S) -> Result<Self, RpcError> {
        match request.extensions.get::<T>() {
            Some(value) => Ok(Self(value.clone())),
            None => Err(MissingExtension(type_name::<T>()).into()),
        }
    }
}

impl<S: Sync, T: Clone + Send + Sync + 'static> FromRequest<S> for Option<Extension<T>> {
    async fn from_request(request: &mut Request, _: &S) -> Result<Self, RpcError> {
        Ok(request.extensions.get::<T>().cloned().map(Extension))
    }
}
