//! Maps patterns to handlers.

pub(in crate::server) mod combine;
pub(in crate::server) mod fan_out;
pub(in crate::server) mod into_routes;
pub(in crate::server) mod oneshot;
pub(in crate::server) mod table;
pub(in crate::server) mod warnings;

use std::{fmt, sync::Arc};

use crate::{
    compat::Compat,
    contract::{Event, Message},
    pattern::Pattern,
    server::{
        RequestKind,
        contract::ContractHandler,
        handler::{Handler, HandlerLayer, Signature, boxed::BoxedHandler},
        routing::table::Routes,
    },
};

/// Patterns and their handlers. `S` is the state that is still missing: a router that can be served
/// is a `Router`, that is, `Router<()>`.
///
/// As in Nest, a second message handler for a pattern replaces the first, while any number of event
/// handlers may share a pattern and all run. An event for the pattern of a message handler runs
/// that handler and discards its result. A message for the pattern of event handlers runs them, and
/// their results are the reply.
///
/// ```
/// use nest_wire::{pattern::Pattern, server::{Payload, Router}};
///
/// let router: Router = Router::new()
///     .message(Pattern::object([("cmd", "sum")]), async |Payload(of): Payload<Vec<f64>>| of.iter().sum::<f64>())
///     .event("log", async |Payload(text): Payload<String>| println!("{text}"));
/// ```
#[derive(Clone)]
pub struct Router<S = ()> {
    registered: Vec<Registered<S>>,
    without_pattern: Option<BoxedHandler<S>>,
    fallback: Option<BoxedHandler<S>>,
    /// `None` until it is set.
    compat: Option<Compat>,
    #[cfg(feature = "otel")]
    trace_context: bool,
}

#[derive(Clone)]
struct Registered<S> {
    pattern: Pattern,
    kind: RequestKind,
    handler: BoxedHandler<S>,
}

impl<S: Clone + Send + Sync + 'static> Router<S> {
    /// Returns a router without handlers.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            registered: Vec::new(),
            without_pattern: None,
            fallback: None,
            compat: None,
            #[cfg(feature = "otel")]
            trace_context: false,
        }
    }

    /// Registers a handler for messages of this pattern (`@MessagePattern`). Returns the router.
    #[must_use]
    pub fn message<Args, H>(self, pattern: impl Into<Pattern>, handler: H) -> Self
    where
        Args: 'static,
        H: Signature<Args> + Handler<Args, S>,
    {
        self.register(pattern.into(), RequestKind::Message, BoxedHandler::new(handler))
    }

    /// Registers a handler for events of this pattern (`@EventPattern`). Returns the router.
    #[must_use]
    pub fn event<Args, H>(self, pattern: impl Into<Pattern>, handler: H) -> Self
    where
        Args: 'static,
        H: Signature<Args> + Handler<Args, S>,
    {
        self.register(pattern.into(), RequestKind::Event, BoxedHandler::new(handler))
    }

    /// Registers a handler for the messages of this contract. Returns the router. The handler takes
    /// the contract's request in its last parameter, as `Payload<Request>`, and returns its reply.
    /// A handler of other types does not compile.
    ///
    /// ```
    /// use nest_wire::{contract::Message, server::{Payload, Router}};
    ///
    /// const SUM: Message<Vec<f64>, f64> = Message::new("sum");
    ///
    /// async fn sum(Payload(numbers): Payload<Vec<f64>>) -> f64 {
    ///     numbers.iter().sum()
    /// }
    ///
    /// let router: Router = Router::new().handle_message(SUM, sum);
    /// ```
    #[must_use]
    pub fn handle_message<Request, Reply, Args, H>(self, message: Message<Request, Reply>, handler: H) -> Self
    where
        Args: 'static,
        H: Signature<Args> + ContractHandler<Args, S, Request, Reply>,
    {
        self.message(message.pattern(), handler)
    }

    /// Registers a handler for the events of this contract. Returns the router. The handler takes
    /// the contract's data in its last parameter, as `Payload<Data>`, and returns `()` or a
    /// `Result` of it. A handler of other types does not compile.
    ///
    /// ```
    /// use nest_wire::{contract::Event, server::{Payload, Router}};
    ///
    /// const USER_CREATED: Event<String> = Event::new("user_created");
    ///
    /// let router: Router = Router::new()
    ///     .handle_event(USER_CREATED, async |Payload(name): Payload<String>| println!("{name}"));
    /// ```
    #[must_use]
    pub fn handle_event<Data, Args, H>(self, event: Event<Data>, handler: H) -> Self
    where
        Args: 'static,
        H: Signature<Args> + ContractHandler<Args, S, Data, ()>,
    {
        self.event(event.pattern(), handler)
    }

    /// Registers a handler for messages and events of all other patterns. Returns the router. Nest
    /// replies to such messages with an error that says that there is no handler.
    ///
    /// ```
    /// use nest_wire::{packet::RpcError, server::{Context, Router}};
    ///
    /// let router: Router = Router::new().fallback(async |context: Context| {
    ///     let pattern = context.pattern.unwrap_or_default();
    ///     Err::<(), _>(RpcError::new(format_args!("what is {pattern}?")))
    /// });
    /// ```
    #[must_use]
    pub fn fallback<Args, H>(mut self, handler: H) -> Self
    where
        Args: 'static,
        H: Signature<Args> + Handler<Args, S>,
    {
        self.fallback = Some(BoxedHandler::new(handler));
        self
    }

    /// Registers a handler for messages and events without a pattern, like the handler of
    /// `@MessagePattern()` in Nest. Returns the router. Without it, the [fallback](Self::fallback)
    /// handles them. Nest's own clients send no such packet.
    ///
    /// ```
    /// use nest_wire::server::{Context, Router};
    ///
    /// let router: Router = Router::new().message_without_pattern(async |context: Context| {
    ///     assert_eq!(context.pattern, None);
    ///     "what do you want?"
    /// });
    /// ```
    #[must_use]
    pub fn message_without_pattern<Args, H>(mut self, handler: H) -> Self
    where
        Args: 'static,
        H: Signature<Args> + Handler<Args, S>,
    {
        self.without_pattern = Some(BoxedHandler::new(handler));
        self
    }

    /// Wraps every handler registered so far, including the fallback, in a tower layer. Returns the
    /// router. Handlers registered later are not wrapped. The layer added last runs first. See
    /// [`HandlerLayer`] for which layers fit.
    ///
    /// ```
    /// use std::time::Duration;
    /// use nest_wire::server::Router;
    /// use tower::{ServiceBuilder, timeout::TimeoutLayer};
    ///
    /// let router: Router = Router::new()
    ///     .message("ping", async || "pong")
    ///     .layer(ServiceBuilder::new().concurrency_limit(100).timeout(Duration::from_secs(5)).into_inner());
    /// ```
    #[must_use]
    #[expect(clippy::needless_pass_by_value, reason = "layers are handed over, as in tower")]
    pub fn layer(mut self, layer: impl HandlerLayer) -> Self {
        let wrap = |registered: Registered<S>| Registered {
            handler: registered.handler.layer(&layer),
            ..registered
        };
        self.registered = self.registered.into_iter().map(wrap).collect();
        self.without_pattern = self.without_pattern.map(|handler| handler.layer(&layer));
        self.fallback = self.fallback.map(|fallback| fallback.layer(&layer));
        self
    }

    /// Returns the registered patterns and their kinds, in the order of registration.
    pub fn patterns(&self) -> impl Iterator<Item = (&Pattern, RequestKind)> {
        self.registered.iter().map(|it| (&it.pattern, it.kind))
    }

    /// Sets the major version of Nest whose rules all handlers follow, including merged ones, where
    /// the versions differ. Returns the router. Default: the newest.
    #[must_use]
    pub fn compat(mut self, compat: Compat) -> Self {
        self.compat = Some(compat);
        self
    }

    /// Makes each request a part of its caller's trace (feature `otel`). Returns the router. The
    /// parent of the request's span is the one whose context the packet's metadata carries, for
    /// example W3C's `traceparent` and `tracestate`. Without such metadata, the request begins its
    /// own trace. Off by default, because callers then choose the ids of traces.
    ///
    /// OpenTelemetry's global propagator reads the metadata, and must be set
    /// (`opentelemetry::global::set_text_map_propagator`). A layer of `tracing-opentelemetry`
    /// exports the spans. They then have the level `INFO`, otherwise `DEBUG`.
    /// `docs/OBSERVABILITY.md` shows the whole setup.
    ///
    /// The setting does not apply to a router into which this one is merged or nested.
    ///
    /// ```
    /// use nest_wire::server::Router;
    ///
    /// let router: Router = Router::new().message("ping", async || "pong").trace_context();
    /// ```
    #[cfg(feature = "otel")]
    #[must_use]
    pub fn trace_context(mut self) -> Self {
        self.trace_context = true;
        self
    }

    /// Gives all handlers registered so far the state that their [`State`](crate::server::State)
    /// parameters take. Returns the router.
    #[must_use]
    pub fn with_state<T>(self, state: S) -> Router<T> {
        let registered = self.registered.into_iter().map(|registered| Registered {
            pattern: registered.pattern,
            kind: registered.kind,
            handler: BoxedHandler::Bound(registered.handler.bind(state.clone())),
        });
        Router {
            registered: registered.collect(),
            without_pattern: self
                .without_pattern
                .map(|handler| BoxedHandler::Bound(handler.bind(state.clone()))),
            fallback: self
                .fallback
                .map(|fallback| BoxedHandler::Bound(fallback.bind(state.clone()))),
            compat: self.compat,
            #[cfg(feature = "otel")]
            trace_context: self.trace_context,
        }
    }

    fn register(mut self, pattern: Pattern, kind: RequestKind, handler: BoxedHandler<S>) -> Self {
        self.registered.push(Registered { pattern, kind, handler });
        self
    }
}

impl Router {
    /// Returns the table in which connections look up handlers: for
    /// [`serve_connection`](crate::server::serve_connection), and to serve one router in several
    /// places.
    ///
    /// Logs a warning for each handler that never runs: either a later handler replaces it, or
    /// calls to its pattern look up another one, as calls to the texts `null`, `true` and `1.50`
    /// do.
    #[must_use]
    pub fn into_routes(self) -> Arc<Routes> {
        let without_pattern = self.without_pattern.map(|handler| handler.bind(()));
        let fallback = self.fallback.map(|fallback| fallback.bind(()));
        let mut routes = Routes::new(self.compat.unwrap_or_default(), without_pattern, fallback);
        #[cfg(feature = "otel")]
        {
            routes.trace_context = self.trace_context;
        }
        for Registered { pattern, kind, handler } in &self.registered {
            routes.add(pattern, *kind, handler.bind(()));
        }
        routes.add_short_cuts(self.registered.iter().map(|registered| &registered.pattern));
        Arc::new(routes)
    }
}

impl<S: Clone + Send + Sync + 'static> Default for Router<S> {
    fn default() -> Self {
        Self::new()
    }
}

impl<S> fmt::Debug for Router<S> {
    /// Lists the registered patterns.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entries = self.registered.iter().map(|it| (&it.pattern, it.kind));
        f.debug_map().entries(entries).finish()
    }
}
