//! Which handler answers which pattern.

use std::{fmt, sync::Arc};

use super::{
    Handler, Kind,
    erased::{Endpoint, Unbound, erase},
    routes::Routes,
};
use crate::{compat::Compat, pattern::Pattern};

/// Patterns and their handlers. `S` is the state that is still missing: a router that can be served is a `Router`,
/// that is, `Router<()>`.
///
/// As in Nest, a second message handler for a pattern takes the place of the first, while any number of event
/// handlers may share one and all run. An event that comes in for a message handler runs it, its result unsent; a
/// message that comes in for event handlers runs them, their results being the answer.
///
/// ```
/// use nest_wire::{pattern::Pattern, server::{Payload, Router}};
///
/// let router: Router = Router::new()
///     .message(Pattern::object([("cmd", "sum")]), async |Payload(of): Payload<Vec<f64>>| of.iter().sum::<f64>())
///     .event("log", async |Payload(text): Payload<String>| println!("{text}"));
/// ```
pub struct Router<S = ()> {
    registered: Vec<Registered<S>>,
    compat: Compat,
}

struct Registered<S> {
    pattern: Pattern,
    kind: Kind,
    handler: Bindable<S>,
}

enum Bindable<S> {
    Unbound(Arc<dyn Unbound<S>>),
    Bound(Arc<dyn Endpoint>),
}

impl<S: Clone + Send + Sync + 'static> Router<S> {
    /// A router that handles nothing.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            registered: Vec::new(),
            compat: Compat::Nest12,
        }
    }

    /// Answers messages of this pattern (`@MessagePattern`).
    #[must_use]
    pub fn message<Args: 'static>(self, pattern: impl Into<Pattern>, handler: impl Handler<Args, S>) -> Self {
        self.register(pattern.into(), Kind::Message, erase(handler))
    }

    /// Takes events of this pattern (`@EventPattern`).
    #[must_use]
    pub fn event<Args: 'static>(self, pattern: impl Into<Pattern>, handler: impl Handler<Args, S>) -> Self {
        self.register(pattern.into(), Kind::Event, erase(handler))
    }

    /// Follows the rules of this major of Nest, where they differ. Default: the newest.
    #[must_use]
    pub fn compat(mut self, compat: Compat) -> Self {
        self.compat = compat;
        self
    }

    /// Gives all handlers so far what their [`State`](super::State) takes.
    #[must_use]
    pub fn with_state<T>(self, state: S) -> Router<T> {
        let bind = |handler| match handler {
            Bindable::Unbound(handler) => handler.bind(state.clone()),
            Bindable::Bound(handler) => handler,
        };
        let registered = self.registered.into_iter().map(|registered| Registered {
            pattern: registered.pattern,
            kind: registered.kind,
            handler: Bindable::Bound(bind(registered.handler)),
        });
        Router {
            registered: registered.collect(),
            compat: self.compat,
        }
    }

    fn register(mut self, pattern: Pattern, kind: Kind, handler: Arc<dyn Unbound<S>>) -> Self {
        self.registered.push(Registered {
            pattern,
            kind,
            handler: Bindable::Unbound(handler),
        });
        self
    }
}

impl Router {
    /// The table that connections look handlers up in, for [`serve_connection`](super::serve_connection).
    #[must_use]
    pub fn into_routes(self) -> Arc<Routes> {
        let mut routes = Routes::new(self.compat);
        for Registered { pattern, kind, handler } in &self.registered {
            let handler = match handler {
                Bindable::Unbound(handler) => handler.bind(()),
                Bindable::Bound(handler) => Arc::clone(handler),
            };
            routes.add(pattern, *kind, handler);
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
    /// Lists what is registered.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entries = self.registered.iter().map(|it| (&it.pattern, it.kind));
        f.debug_map().entries(entries).finish()
    }
}
