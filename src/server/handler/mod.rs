//! Async functions as handlers.

pub(in crate::server) mod boxed;
pub(in crate::server) mod layer;
pub(in crate::server) mod panics;
pub(in crate::server) mod service;
pub(in crate::server) mod signature;
pub(in crate::server) mod spawn;
pub(in crate::server) mod tower_service;

pub use layer::HandlerLayer;
pub use service::{HandlerFuture, HandlerService};
pub use signature::Signature;
pub use spawn::{Spawn, SpawnLayer, Spawned};

use std::{fmt, future::Future, marker::PhantomData};

use crate::server::{Reply, Request, extract::FromRequest, reply::IntoReply};

/// An async function that handles messages or events. It takes any number of extractors (up to six)
/// and returns a reply.
///
/// You never implement it. `Args` is the tuple of the parameters. It distinguishes the
/// implementations for functions of different parameters, which would overlap without it, since one
/// type might be several functions.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a handler",
    label = "not a handler",
    note = "a handler is an `async fn` (or a closure that returns a future) whose parameters implement `FromRequest` \
            (`Payload<T>`, `State<T>`, `Context`, …) and whose result implements `IntoReply`",
    note = "types of your own are taken and returned as `Payload<T>`; an error of your own implements `IntoRpcError`",
    note = "its future must be `Send`: no `Rc`, `RefCell` borrow or `MutexGuard` may live across an `.await`",
    note = "a `State<T>` must have the type that the router's `with_state` is given"
)]
pub trait Handler<Args, S>: Clone + Send + Sync + 'static {
    /// Runs the handler. Returns its reply.
    fn call(self, request: Request, state: S) -> impl Future<Output = Reply> + Send + 'static;

    /// Wraps this handler alone in a tower layer. Returns the wrapped handler.
    /// [`Router::layer`](crate::server::Router::layer) wraps many.
    ///
    /// ```
    /// use std::time::Duration;
    /// use nest_wire::server::{Router, handler::Handler};
    /// use tower::timeout::TimeoutLayer;
    ///
    /// async fn slow() { /* … */ }
    ///
    /// let router: Router = Router::new().message("slow", slow.layer(TimeoutLayer::new(Duration::from_secs(1))));
    /// ```
    fn layer<L: HandlerLayer>(self, layer: L) -> Layered<L, Self, Args, S> {
        Layered::new(layer, self)
    }

    /// Runs each call in a task of its own, for a handler that computes for more than about 50
    /// microseconds without waiting. Returns the wrapped handler.
    ///
    /// Handlers usually run in their connection's task. That is by far the cheapest, but the
    /// handlers of one connection then share a core as long as they don't wait. A Nest client has
    /// one connection: its calls to a spawned handler spread over all cores. For all handlers of a
    /// router, use [`SpawnLayer`]. For work of many milliseconds, use
    /// [`tokio::task::spawn_blocking`].
    ///
    /// ```
    /// use nest_wire::server::{Payload, Router, handler::Handler};
    ///
    /// async fn factor(Payload(number): Payload<u64>) -> Vec<u64> {
    ///     (1..=number).filter(|divisor| number % divisor == 0).collect()
    /// }
    ///
    /// let router: Router = Router::new().message("factor", factor.spawned());
    /// ```
    fn spawned(self) -> Layered<SpawnLayer, Self, Args, S> {
        self.layer(SpawnLayer)
    }

    /// Gives the handler its state. Returns the resulting service.
    #[doc(hidden)]
    fn into_endpoint(self, state: S) -> HandlerService
    where
        Args: 'static,
        S: Clone + Send + Sync + 'static,
    {
        HandlerService::new(move |request| {
            // The memory is allocated first, so that the request is copied once, into its place
            // there.
            let memory = Box::new_uninit();
            let running = Box::write(memory, self.clone().call(request, state.clone()));
            Box::into_pin(running)
        })
    }
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

    /// Wraps once, not at each call, so that a layer that counts calls counts all of them.
    fn into_endpoint(self, state: S) -> HandlerService {
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

macro_rules! handler {
    ($($arg:ident)*) => {
        impl<F, Fut, S, $($arg,)*> Handler<($($arg,)*), S> for F
        where
            F: FnOnce($($arg,)*) -> Fut + Clone + Send + Sync + 'static,
            Fut: Future<Output: IntoReply> + Send + 'static,
            S: Send + Sync + 'static,
            $($arg: FromRequest<S> + Send + 'static,)*
        {
            #[allow(non_snake_case, unused_mut, unused_variables, reason = "the names of types serve for the values too")]
            #[allow(clippy::manual_async_fn, reason = "an `async fn` holds what it is given twice")]
            fn call(self, mut request: Request, state: S) -> impl Future<Output = Reply> + Send + 'static {
                async move {
                    $(
                        let $arg = match $arg::from_request(&mut request, &state).await {
                            Ok(value) => value,
                            Err(rejection) => return Reply::Error(rejection),
                        };
                    )*
                    self($($arg,)*).await.into_reply()
                }
            }
        }
    };
}

handler!();
handler!(A);
handler!(A B);
handler!(A B C);
handler!(A B C D);
handler!(A B C D E);
handler!(A B C D E F_);
