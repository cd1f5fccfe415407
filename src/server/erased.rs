//! The one place with boxed futures: handlers of all types made alike.

use std::{future::Future, marker::PhantomData, pin::Pin, sync::Arc};

use super::{Handler, Reply, Request};

/// A handler's future on its way.
pub(super) type Running = Pin<Box<dyn Future<Output = Reply> + Send>>;

/// A handler that has all it needs.
pub(super) trait Endpoint: Send + Sync {
    fn start(&self, request: Request) -> Running;
}

/// A handler that still waits for the router's state.
pub(super) trait Unbound<S>: Send + Sync {
    fn bind(&self, state: S) -> Arc<dyn Endpoint>;
}

pub(super) fn erase<H, Args, S>(handler: H) -> Arc<dyn Unbound<S>>
where
    H: Handler<Args, S>,
    Args: 'static,
    S: Clone + Send + Sync + 'static,
{
    Arc::new(Typed {
        handler,
        args: PhantomData,
    })
}

struct Typed<H, Args> {
    handler: H,
    /// `fn`, so that the parameters' types need not be `Sync`.
    args: PhantomData<fn(Args)>,
}

impl<H, Args, S> Unbound<S> for Typed<H, Args>
where
    H: Handler<Args, S>,
    Args: 'static,
    S: Clone + Send + Sync + 'static,
{
    fn bind(&self, state: S) -> Arc<dyn Endpoint> {
        let handler = self.handler.clone();
        Arc::new(move |request| -> Running { Box::pin(handler.clone().call(request, state.clone())) })
    }
}

impl<F: Fn(Request) -> Running + Send + Sync> Endpoint for F {
    fn start(&self, request: Request) -> Running {
        self(request)
    }
}
