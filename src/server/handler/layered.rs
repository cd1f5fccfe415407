//! Handlers wrapped in tower layers.

use std::{any::Any, error::Error, fmt, future::poll_fn, marker::PhantomData};

use tower_layer::Layer;
use tower_service::Service;

use crate::{
    packet::RpcError,
    server::{Endpoint, Handler, IntoReply, Reply, Request, Signature},
};

pub(in crate::server) type BoxError = Box<dyn Error + Send + Sync>;

/// A [`tower::Layer`](Layer) that can wrap handlers. You never implement it: every layer whose service takes a
/// [`Request`] and gives what [`IntoReply`] takes is one. [`from_fn`](crate::server::from_fn) makes one of an async function.
///
/// The service may fail. The errors of tower's timeout and load shed tell the caller what happened (with the feature
/// `tower`); any other error is logged and answered with "Internal server error".
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't wrap handlers",
    label = "not a layer for handlers",
    note = "an `async fn` becomes one with `from_fn`",
    note = "it must be a `tower::Layer<Endpoint>` that is `Clone + Send + Sync`, and its service a `Service<Request>` \
            that is `Clone + Send + Sync` too: one that is not `Clone` goes into `tower::buffer::BufferLayer`",
    note = "the service's response must implement `IntoReply`, and its error `Into<Box<dyn Error + Send + Sync>>`"
)]
pub trait HandlerLayer: Clone + Send + Sync + 'static {
    /// Puts the layer around a handler.
    #[doc(hidden)]
    fn wrap(&self, endpoint: Endpoint) -> Endpoint;
}

impl<L> HandlerLayer for L
where
    L: Layer<Endpoint> + Clone + Send + Sync + 'static,
    L::Service: Service<Request, Response: IntoReply, Error: Into<BoxError>, Future: Send>,
    L::Service: Clone + Send + Sync + 'static,
{
    fn wrap(&self, endpoint: Endpoint) -> Endpoint {
        endpoint_of(self.layer(endpoint))
    }
}

/// A service as a handler; a handler as it is, without one more future around it.
pub(in crate::server) fn endpoint_of<S>(service: S) -> Endpoint
where
    S: Service<Request, Response: IntoReply, Error: Into<BoxError>, Future: Send>,
    S: Clone + Send + Sync + 'static,
{
    let is_one = (&service as &dyn Any).downcast_ref::<Endpoint>().cloned();
    is_one.unwrap_or_else(|| Endpoint::new(move |request| Box::pin(run(service.clone(), request))))
}

async fn run<S>(mut service: S, request: Request) -> Reply
where
    S: Service<Request, Response: IntoReply, Error: Into<BoxError>>,
{
    if let Err(error) = poll_fn(|cx| service.poll_ready(cx)).await {
        return Reply::Error(told(error.into()));
    }
    match service.call(request).await {
        Ok(reply) => reply.into_reply(),
        Err(error) => Reply::Error(told(error.into())),
    }
}

/// What the caller is told of a layer's error.
fn told(error: BoxError) -> RpcError {
    #[cfg(feature = "tower")]
    if error.is::<tower::timeout::error::Elapsed>() || error.is::<tower::load_shed::error::Overloaded>() {
        return RpcError::new(error);
    }
    RpcError::caused_by(error)
}

/// A handler in a layer; see [`Handler::layer`].
pub struct Layered<L, H, Args, S> {
    layer: L,
    handler: H,
    /// `fn`, so that the parameters' types need not be `Sync`.
    types: PhantomData<fn(Args, S)>,
}

impl<L, H, Args, S> Layered<L, H, Args, S> {
    pub(in crate::server) const fn new(layer: L, handler: H) -> Self {
        Self {
            layer,
            handler,
            types: PhantomData,
        }
    }
}

impl<L, H, Args, S> Signature<Args> for Layered<L, H, Args, S> {}

impl<L, H, Args, S> Handler<Args, S> for Layered<L, H, Args, S>
where
    L: HandlerLayer,
    H: Handler<Args, S>,
    Args: 'static,
    S: Clone + Send + Sync + 'static,
{
    async fn call(self, request: Request, state: S) -> Reply {
        self.into_endpoint(state).start(request).await
    }

    /// Wraps once, not at each call: a layer that counts, counts all calls.
    fn into_endpoint(self, state: S) -> Endpoint {
        self.layer.wrap(self.handler.into_endpoint(state))
    }
}

impl<L: Clone, H: Clone, Args, S> Clone for Layered<L, H, Args, S> {
    fn clone(&self) -> Self {
        Self::new(self.layer.clone(), self.handler.clone())
    }
}

impl<L: fmt::Debug, H, Args, S> fmt::Debug for Layered<L, H, Args, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Layered")
            .field("layer", &self.layer)
            .finish_non_exhaustive()
    }
}
