//! The finished table of handlers, and the lookup of a packet's pattern in it.

use std::{collections::HashMap, fmt, sync::Arc};

use crate::{
    compat::Compat,
    pattern::{IncomingPattern, Pattern, Route},
    server::{
        Request, RequestKind,
        handler::{HandlerService, service::BoxReplyFuture},
        routing::{fan_out, warnings::warn_if_unreachable},
    },
    telemetry::{CallMeters, LogThrottle},
};

/// The table from patterns to handlers: a [`Router`](crate::server::Router) made ready to serve any
/// number of connections.
pub struct Routes {
    pub(in crate::server) compat: Compat,
    registered: Vec<(Handlers, CallMeters)>,
    /// Index into `registered` by route. This map is authoritative.
    by_route: Table<Route<'static>, usize>,
    /// Index by the exact JSON text that callers of a registered pattern send: a short cut that
    /// saves parsing and collating. Its entries are results of looking those texts up in
    /// `by_route`, so the two maps can't differ.
    by_text: Table<Box<str>, Lookup>,
    /// The handler of packets without a pattern.
    without_pattern: Option<Handlers>,
    /// The handler of all other packets.
    fallback: Option<Handlers>,
    /// The meters of all requests whose pattern is not registered.
    others: CallMeters,
    pub(in crate::server) throttles: Throttles,
    /// Makes requests part of their callers' traces.
    #[cfg(feature = "otel")]
    pub(in crate::server) trace_context: bool,
}

/// Limits how much peers can make all connections together write to the log.
#[derive(Debug, Default)]
pub(in crate::server) struct Throttles {
    /// Peers that broke the framing.
    pub(in crate::server) framing: LogThrottle,
    /// Connections that ended inside a frame.
    pub(in crate::server) half_frames: LogThrottle,
    /// Handshakes that failed or panicked.
    pub(in crate::server) handshakes: LogThrottle,
    /// Connections that were cut.
    pub(in crate::server) cut: LogThrottle,
    /// Replies that the framing refused.
    pub(in crate::server) unframeable: LogThrottle,
    /// Events without a handler.
    pub(in crate::server) no_handler: LogThrottle,
}

type Table<K, V> = HashMap<K, V, foldhash::fast::RandomState>;

/// A received pattern: its text for the context, and the index of the registered handlers.
#[derive(Default)]
pub(in crate::server) struct Lookup {
    pattern: Option<Arc<str>>,
    registered: Option<usize>,
}

/// The result of looking up a packet's pattern. All of it is borrowed, because there is one for
/// each request.
pub(in crate::server) struct Match<'r> {
    pub(in crate::server) pattern: Option<&'r Arc<str>>,
    pub(in crate::server) handler: Option<&'r Handlers>,
    /// True if the handler is registered for the pattern; it is no fallback.
    pub(in crate::server) is_registered: bool,
    pub(in crate::server) meters: &'r CallMeters,
}

/// The handlers registered for one route. The kind is that of the first registration. In Nest,
/// later event handlers are chained to the existing handler, and a message handler never looks at
/// its chain.
pub(in crate::server) enum Handlers {
    Message(HandlerService),
    Events(Vec<HandlerService>),
}

impl Routes {
    pub(in crate::server) fn new(
        compat: Compat,
        without_pattern: Option<HandlerService>,
        fallback: Option<HandlerService>,
    ) -> Self {
        Self {
            compat,
            registered: Vec::new(),
            by_route: Table::default(),
            by_text: Table::default(),
            without_pattern: without_pattern.map(Handlers::Message),
            fallback: fallback.map(Handlers::Message),
            others: CallMeters::of_other_patterns(),
            throttles: Throttles::default(),
            #[cfg(feature = "otel")]
            trace_context: false,
        }
    }

    pub(in crate::server) fn add(&mut self, pattern: &Pattern, kind: RequestKind, handler: HandlerService) {
        let route = pattern.route(self.compat);
        let Some(&earlier) = self.by_route.get(&route) else {
            self.by_route.insert(route, self.registered.len());
            let meters = CallMeters::of_pattern(|| pattern.to_string());
            return self.registered.push((Handlers::first(kind, handler), meters));
        };
        match (&mut self.registered[earlier].0, kind) {
            (Handlers::Events(handlers), RequestKind::Event) if self.compat.chains_event_handlers() => {
                handlers.push(handler);
            }
            (Handlers::Message(_), RequestKind::Event) if self.compat.chains_event_handlers() => {
                tracing::warn!(%pattern, "an event handler that follows a message handler for its pattern never runs");
            }
            (earlier, kind) => {
                tracing::warn!(%pattern, "a handler never runs: a later one for its pattern takes its place");
                *earlier = Handlers::first(kind, handler);
            }
        }
    }

    /// Adds the short cuts for these patterns, which must all have been added.
    pub(in crate::server) fn add_short_cuts<'a>(&mut self, patterns: impl IntoIterator<Item = &'a Pattern>) {
        for pattern in patterns {
            warn_if_unreachable(pattern, self.compat);
            let text = pattern.to_json();
            let found = self.look_up(&text);
            self.by_text.insert(text.into(), found);
        }
    }

    /// Looks up the JSON text of a packet's pattern (`Server.getHandlerByPattern` in Nest's
    /// `server/server.js`). Returns the match. The result for a text without a short cut is stored
    /// in `looked_up`, which must be empty.
    pub(in crate::server) fn find<'r>(&'r self, pattern: Option<&str>, looked_up: &'r mut Lookup) -> Match<'r> {
        let target = match pattern {
            None => looked_up,
            Some(text) => match self.by_text.get(text) {
                Some(target) => target,
                None => {
                    *looked_up = self.look_up(text);
                    looked_up
                }
            },
        };
        let (handler, meters) = match target.registered {
            Some(at) => {
                let (handler, meters) = &self.registered[at];
                (Some(handler), meters)
            }
            None => (self.other_handler(pattern), &self.others),
        };
        Match {
            pattern: target.pattern.as_ref(),
            handler,
            is_registered: target.registered.is_some(),
            meters,
        }
    }

    /// Returns the match for the handler that is registered for `route`, or for the fallback.
    pub(in crate::server) fn find_route(&self, route: &Route<'_>) -> Match<'_> {
        let registered = self.by_route.get(route).map(|at| &self.registered[*at]);
        Match {
            pattern: None,
            handler: registered.map_or(self.fallback.as_ref(), |(handler, _)| Some(handler)),
            is_registered: registered.is_some(),
            meters: registered.map_or(&self.others, |(_, meters)| meters),
        }
    }

    /// Returns the routes that have handlers and the kind of each, in the order of registration.
    pub fn registered(&self) -> impl Iterator<Item = (&Route<'static>, RequestKind)> {
        let mut routes: Vec<_> = self.by_route.iter().collect();
        routes.sort_unstable_by_key(|(_, at)| **at);
        routes
            .into_iter()
            .map(|(route, at)| (route, self.registered[*at].0.kind()))
    }

    /// Returns the major version of Nest whose rules the handlers follow.
    pub const fn compat(&self) -> Compat {
        self.compat
    }

    /// Returns the handler of a packet whose pattern is not registered.
    fn other_handler(&self, pattern: Option<&str>) -> Option<&Handlers> {
        let without_pattern = match pattern {
            Some(_) => None,
            None => self.without_pattern.as_ref(),
        };
        without_pattern.or(self.fallback.as_ref())
    }

    fn look_up(&self, text: &str) -> Lookup {
        // The text is a member of a packet that was read, so it is JSON.
        let incoming = IncomingPattern::read(text, self.compat).unwrap_or_else(|_| IncomingPattern::absent());
        Lookup {
            pattern: incoming.as_str().map(Into::into),
            registered: incoming.route().and_then(|route| self.by_route.get(route)).copied(),
        }
    }
}

impl Handlers {
    const fn kind(&self) -> RequestKind {
        match self {
            Self::Message(_) => RequestKind::Message,
            Self::Events(_) => RequestKind::Event,
        }
    }

    fn first(kind: RequestKind, handler: HandlerService) -> Self {
        match kind {
            RequestKind::Message => Self::Message(handler),
            RequestKind::Event => Self::Events(vec![handler]),
        }
    }

    /// Starts the handlers. Returns the future of their reply. `request` makes the request: a
    /// closure lets it be built in its final place instead of being copied there.
    #[inline]
    pub(in crate::server) fn start(&self, request: impl FnOnce() -> Request, compat: Compat) -> BoxReplyFuture {
        let handlers = match self {
            Self::Message(handler) => std::slice::from_ref(handler),
            Self::Events(handlers) => handlers.as_slice(),
        };
        if let [handler] = handlers {
            return handler.start(request());
        }
        start_all(handlers, request, compat)
    }
}

#[cold]
fn start_all(handlers: &[HandlerService], request: impl FnOnce() -> Request, compat: Compat) -> BoxReplyFuture {
    fan_out::start_all(handlers, &request(), compat)
}

impl fmt::Debug for Routes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.by_route.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::{Reply, Router};

    async fn answer(router: Router, pattern: &str) -> Option<Reply> {
        let routes = router.into_routes();
        let mut looked_up = Lookup::default();
        let found = routes.find(Some(pattern), &mut looked_up);
        let request = Request::raw(RequestKind::Message, found.pattern.cloned(), None);
        match found.handler {
            Some(handler) => Some(handler.start(|| request, Compat::NEWEST).await),
            None => None,
        }
    }

    async fn value(router: Router, pattern: &str) -> String {
        match answer(router, pattern).await {
            Some(Reply::Value(value)) => value.to_string(),
            other => panic!("no value: {other:?}"),
        }
    }

    #[tokio::test]
    async fn a_second_message_handler_takes_the_place_of_the_first() {
        let router = Router::new().message("dup", async || 1).message("dup", async || 2);
        assert_eq!(value(router, "\"dup\"").await, "2");
    }

    #[tokio::test]
    async fn an_event_handler_after_a_message_handler_never_runs() {
        let router = Router::new()
            .message("m", async || "message")
            .event("m", async || "event");
        assert_eq!(value(router, "\"m\"").await, "\"message\"");
        let replaced = Router::new()
            .event("m", async || "event")
            .message("m", async || "message");
        assert_eq!(value(replaced, "\"m\"").await, "\"message\"");
    }

    #[tokio::test]
    async fn a_fallback_takes_what_nobody_handles() {
        let router = || {
            let known = Router::new().message("known", async || "known");
            Router::new().fallback(async || "fallback").merge(known)
        };
        assert_eq!(value(router(), "\"known\"").await, "\"known\"");
        for unknown in ["\"unknown\"", "{}", "null"] {
            assert_eq!(value(router(), unknown).await, "\"fallback\"", "{unknown}");
        }
    }

    #[tokio::test]
    async fn a_pattern_spelled_otherwise_is_the_same_pattern() {
        let object = |one, other| Pattern::object([(one, 1), (other, 1)]);
        let router = || {
            Router::new()
                .message(object("a", "b"), async || "first")
                .message(42, async || "first")
                .message(object("b", "a"), async || "second")
                .message("42", async || "second")
        };
        for text in [r#"{"a":1,"b":1}"#, r#"{"b":1,"a":1}"#, "42", "\"42\""] {
            assert_eq!(value(router(), text).await, "\"second\"", "{text}");
        }
    }

    #[tokio::test]
    async fn the_short_cut_leads_where_the_route_does() {
        let router = || {
            Router::new()
                .message(Pattern::object([("role", "admin"), ("cmd", "who")]), async || "admin")
                .message("1e3", async || "never")
                .message("true", async || "never")
                .message(42, async || "forty-two")
        };
        for text in [
            r#"{"role":"admin","cmd":"who"}"#,
            r#"{"cmd":"who","role":"admin"}"#,
            r#" { "cmd" : "who" , "role" : "admin" } "#,
            r#""{\"cmd\":\"who\",\"role\":\"admin\"}""#,
        ] {
            assert_eq!(value(router(), text).await, "\"admin\"", "{text}");
        }
        for text in ["42", "\"42\"", "42.0", "4.2e1"] {
            assert_eq!(value(router(), text).await, "\"forty-two\"", "{text}");
        }
        for text in ["\"1e3\"", "1e3", "\"true\"", "true", "null", "\"\""] {
            assert!(answer(router(), text).await.is_none(), "{text}");
        }
    }
}
