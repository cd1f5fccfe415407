//! The only place with boxed futures: gives handlers of all types one type.

use std::{
    convert::Infallible,
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use tower_service::Service;

use crate::server::{Reply, Request};

/// The running future of a handler.
pub(in crate::server) type BoxReplyFuture = Pin<Box<dyn Future<Output = Reply> + Send>>;

/// A handler that has its state, regardless of its type: the service that a tower layer wraps (see
/// [`Router::layer`](crate::server::Router::layer)).
///
/// As a [`Service`] it is always ready and never fails: a failure is a [`Reply::Error`].
#[derive(Clone)]
pub struct HandlerService(Arc<dyn Start>);

/// Implemented by every function of this type. A call through `dyn Fn` would copy the request into
/// a tuple first.
trait Start: Send + Sync {
    fn start(&self, request: Request) -> BoxReplyFuture;
}

impl<F: Fn(Request) -> BoxReplyFuture + Send + Sync> Start for F {
    fn start(&self, request: Request) -> BoxReplyFuture {
        self(request)
    }
}

impl HandlerService {
    pub(in crate::server) fn new(start: impl Fn(Request) -> BoxReplyFuture + Send + Sync + 'static) -> Self {
        Self(Arc::new(start))
    }

    pub(in crate::server) fn start(&self, request: Request) -> BoxReplyFuture {
        self.0.start(request)
    }
}

impl Service<Request> for HandlerService {
    type Response = Reply;
    type Error = Infallible;
    type Future = HandlerFuture;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> HandlerFuture {
        HandlerFuture(self.start(request))
    }
}

impl fmt::Debug for HandlerService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HandlerService(..)")
    }
}

/// A handler's running future. Its output is never an error.
#[must_use = "a handler runs only while it is awaited"]
pub struct HandlerFuture(pub(in crate::server) BoxReplyFuture);

impl Future for HandlerFuture {
    type Output = Result<Reply, Infallible>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.as_mut().poll(cx).map(Ok)
    }
}

impl fmt::Debug for HandlerFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HandlerFuture(..)")
    }
}
