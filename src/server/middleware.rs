//! Async functions as layers.
//!
//! Does what a tower layer does with three types and two traits, for code that only runs before and
//! after handlers. Boxes one future for each call, as every layer does.

use std::{
    convert::Infallible,
    fmt,
    future::Future,
    marker::PhantomData,
    task::{Context, Poll},
};

use tower_layer::Layer;
use tower_service::Service;

use crate::server::{
    Reply, Request,
    extract::FromRequest,
    handler::{
        HandlerFuture, HandlerService,
        tower_service::{BoxError, endpoint_of},
    },
    reply::IntoReply,
};

/// Makes a layer from an async function that wraps handlers, like axum's `middleware::from_fn`.
/// Returns the layer, for [`Router::layer`](crate::server::Router::layer),
/// [`Handler::layer`](crate::server::handler::Handler::layer) and tower's `ServiceBuilder`.
///
/// The function's parameters are any number of extractors (up to five), then the [`Request`], then
/// [`Next`]. It returns what a handler may return. If an extractor fails, its error is the reply,
/// and neither the function nor the handler runs: that is Nest's guard. Code that works on the
/// reply is Nest's interceptor or exception filter.
///
/// ```
/// use std::time::Instant;
/// use nest_wire::{packet::RpcError, server::{Context, Metadata, Reply, Request, Router, middleware::{Next, from_fn}}};
///
/// #[derive(serde::Deserialize)]
/// struct Credentials { token: String }
///
/// async fn guard(Metadata(Credentials { token }): Metadata<Credentials>, request: Request, next: Next) -> Reply {
///     match token.as_str() {
///         "let me in" => next.run(request).await,
///         _ => Reply::Error(RpcError::new("Forbidden resource")),
///     }
/// }
///
/// async fn timed(context: Context, request: Request, next: Next) -> Reply {
///     let begun = Instant::now();
///     let reply = next.run(request).await;
///     println!("{:?} took {:?}", context.pattern, begun.elapsed());
///     reply
/// }
///
/// let router: Router = Router::new()
///     .message("ledger", async || "all of it")
///     .layer(from_fn(guard))
///     .layer(from_fn(timed)); // runs first
/// ```
pub fn from_fn<F, Args>(function: F) -> FromFnLayer<F, Args>
where
    F: Middleware<Args, ()>,
{
    from_fn_with_state((), function)
}

/// Makes a layer like [`from_fn`], with the state that the function's
/// [`State`](crate::server::State) takes. Returns the layer. The router's own state is for its
/// handlers.
///
/// ```
/// use std::sync::{Arc, atomic::{AtomicU64, Ordering}};
/// use nest_wire::server::{Reply, Request, Router, State, middleware::{Next, from_fn_with_state}};
///
/// async fn counted(State(calls): State<Arc<AtomicU64>>, request: Request, next: Next) -> Reply {
///     calls.fetch_add(1, Ordering::Relaxed);
///     next.run(request).await
/// }
///
/// let calls = Arc::new(AtomicU64::new(0));
/// let router: Router = Router::new()
///     .message("ping", async || "pong")
///     .layer(from_fn_with_state(Arc::clone(&calls), counted));
/// ```
pub fn from_fn_with_state<F, Args, S>(state: S, function: F) -> FromFnLayer<F, Args, S>
where
    F: Middleware<Args, S>,
{
    FromFnLayer {
        function,
        state,
        extractors: PhantomData,
    }
}

/// The rest of the chain after a [`Middleware`]: other layers, and finally the handler.
#[derive(Clone)]
pub struct Next(HandlerService);

impl Next {
    /// Runs the rest of the chain. Returns its reply, which is a [`Reply::Error`] if something
    /// failed.
    pub async fn run(self, request: Request) -> Reply {
        self.0.start(request).await
    }
}

/// An async function that wraps handlers; see [`from_fn`]. You never implement it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't stand around handlers",
    label = "not a middleware",
    note = "a middleware is an `async fn` whose last two parameters are `Request` and `Next`, whose parameters before \
            those implement `FromRequest`, and whose result implements `IntoReply`: `Reply`, for example",
    note = "its future must be `Send`: no `Rc`, `RefCell` borrow or `MutexGuard` may live across an `.await`",
    note = "a `State<T>` must have the type that `from_fn_with_state` is given"
)]
pub trait Middleware<Args, S>: Clone + Send + Sync + 'static {
    /// Runs the function. Returns its reply.
    fn call(self, request: Request, next: Next, state: S) -> impl Future<Output = Reply> + Send + 'static;
}

macro_rules! middleware {
    ($($arg:ident)*) => {
        impl<F, Fut, S, $($arg,)*> Middleware<($($arg,)*), S> for F
        where
            F: FnOnce($($arg,)* Request, Next) -> Fut + Clone + Send + Sync + 'static,
            Fut: Future<Output: IntoReply> + Send + 'static,
            S: Send + Sync + 'static,
            $($arg: FromRequest<S> + Send + 'static,)*
        {
            #[allow(non_snake_case, unused_mut, unused_variables, reason = "the names of types serve for the values too")]
            #[allow(clippy::manual_async_fn, reason = "an `async fn` holds what it is given twice")]
            fn call(self, mut request: Request, next: Next, state: S) -> impl Future<Output = Reply> + Send + 'static {
                async move {
                    $(
                        let $arg = match $arg::from_request(&mut request, &state).await {
                            Ok(value) => value,
                            Err(rejection) => return Reply::Error(rejection),
                        };
                    )*
                    self($($arg,)* request, next).await.into_reply()
                }
            }
        }
    };
}

middleware!();
middleware!(A);
middleware!(A B);
middleware!(A B C);
middleware!(A B C D);
middleware!(A B C D E);

/// The layer that [`from_fn`] makes.
#[must_use = "a layer does nothing until it is put around something"]
pub struct FromFnLayer<F, Args, S = ()> {
    function: F,
    state: S,
    /// `fn`, so that the extractors' types need not be `Sync`.
    extractors: PhantomData<fn(Args)>,
}

impl<I, F, Args, S> Layer<I> for FromFnLayer<F, Args, S>
where
    I: Service<Request, Response: IntoReply, Error: Into<BoxError>, Future: Send>,
    I: Clone + Send + Sync + 'static,
    F: Clone,
    S: Clone,
{
    type Service = FromFn<F, Args, S>;

    fn layer(&self, inner: I) -> Self::Service {
        FromFn {
            layer: self.clone(),
            next: Next(endpoint_of(inner)),
        }
    }
}

/// A function in front of a handler: the service of a [`FromFnLayer`].
pub struct FromFn<F, Args, S = ()> {
    layer: FromFnLayer<F, Args, S>,
    next: Next,
}

impl<F, Args, S> Service<Request> for FromFn<F, Args, S>
where
    F: Middleware<Args, S>,
    S: Clone,
{
    type Response = Reply;
    type Error = Infallible;
    type Future = HandlerFuture;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> HandlerFuture {
        let FromFnLayer { function, state, .. } = self.layer.clone();
        HandlerFuture(Box::pin(function.call(request, self.next.clone(), state)))
    }
}

impl<F: Clone, Args, S: Clone> Clone for FromFnLayer<F, Args, S> {
    fn clone(&self) -> Self {
        Self {
            function: self.function.clone(),
            state: self.state.clone(),
            extractors: PhantomData,
        }
    }
}

impl<F: Clone, Args, S: Clone> Clone for FromFn<F, Args, S> {
    fn clone(&self) -> Self {
        Self {
            layer: self.layer.clone(),
            next: self.next.clone(),
        }
    }
}

impl fmt::Debug for Next {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Next(..)")
    }
}

impl<F, Args, S: fmt::Debug> fmt::Debug for FromFnLayer<F, Args, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FromFnLayer")
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

impl<F, Args, S: fmt::Debug> fmt::Debug for FromFn<F, Args, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FromFn")
            .field("state", &self.layer.state)
            .finish_non_exhaustive()
    }
}
