//! Handlers that compute, each call in a task of its own.

use std::{fmt, marker::PhantomData};

use tokio::task::JoinHandle;

use super::{Endpoint, Handler, Reply, Request};

/// A handler whose calls are tasks of their own; see [`Handler::spawned`].
pub struct Spawned<H, Args, S> {
    handler: H,
    /// `fn`, so that the parameters' types need not be `Sync`.
    types: PhantomData<fn(Args, S)>,
}

impl<H, Args, S> Spawned<H, Args, S> {
    pub(super) const fn new(handler: H) -> Self {
        Self {
            handler,
            types: PhantomData,
        }
    }
}

impl<H, Args, S> Handler<Args, S> for Spawned<H, Args, S>
where
    H: Handler<Args, S>,
    Args: 'static,
    S: Clone + Send + Sync + 'static,
{
    async fn call(self, request: Request, state: S) -> Reply {
        self.into_endpoint(state).start(request).await
    }

    fn into_endpoint(self, state: S) -> Endpoint {
        let endpoint = self.handler.into_endpoint(state);
        Endpoint::new(move |request| {
            let task = tokio::spawn(endpoint.start(request));
            Box::pin(finished(task))
        })
    }
}

async fn finished(task: JoinHandle<Reply>) -> Reply {
    match task.await {
        Ok(reply) => reply,
        // Goes on here, where panics of all handlers are caught.
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(cancelled) => Reply::Error(cancelled.into()),
        },
    }
}

impl<H: Clone, Args, S> Clone for Spawned<H, Args, S> {
    fn clone(&self) -> Self {
        Self::new(self.handler.clone())
    }
}

impl<H, Args, S> fmt::Debug for Spawned<H, Args, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Spawned(..)")
    }
}
