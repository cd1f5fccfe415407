//! Runs each call of a handler that computes in a task of its own.

use std::{
    convert::Infallible,
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio_util::task::AbortOnDropHandle;
use tower_layer::Layer;
use tower_service::Service;

use crate::server::{
    Reply, Request,
    handler::{
        HandlerService,
        tower_service::{BoxError, endpoint_of},
    },
    reply::IntoReply,
};

/// Runs each call of the wrapped handlers in a task of its own.
/// [`Handler::spawned`](crate::server::handler::Handler::spawned) wraps a single handler.
#[derive(Debug, Clone, Copy, Default)]
pub struct SpawnLayer;

impl<I> Layer<I> for SpawnLayer
where
    I: Service<Request, Response: IntoReply, Error: Into<BoxError>, Future: Send>,
    I: Clone + Send + Sync + 'static,
{
    type Service = Spawn;

    fn layer(&self, inner: I) -> Spawn {
        Spawn(endpoint_of(inner))
    }
}

/// A handler in a [`SpawnLayer`].
#[derive(Debug, Clone)]
pub struct Spawn(HandlerService);

impl Service<Request> for Spawn {
    type Response = Reply;
    type Error = Infallible;
    type Future = Spawned;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Spawned {
        // A layer around this may time out sooner than a handler that computes, which is then still
        // in flight.
        let permit = request.permit.clone();
        let running = self.0.start(request);
        let task = tokio::spawn(async move {
            let reply = running.await;
            drop(permit);
            reply
        });
        Spawned(AbortOnDropHandle::new(task))
    }
}

/// A handler that runs in a task. When this is dropped, the task ends at its next `.await`, as a
/// handler without a task does.
#[derive(Debug)]
#[must_use = "its reply is to be awaited"]
pub struct Spawned(AbortOnDropHandle<Reply>);

impl Future for Spawned {
    type Output = Result<Reply, Infallible>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Poll::Ready(Ok(match ready!(Pin::new(&mut self.0).poll(cx)) {
            Ok(reply) => reply,
            // Resumed here, because the panics of all handlers are caught further up.
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(cancelled) => Reply::Error(cancelled.into()),
            },
        }))
    }
}
