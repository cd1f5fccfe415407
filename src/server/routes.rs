//! The finished table of handlers, and how a packet's pattern is looked up in it.

use std::{collections::HashMap, fmt, panic::AssertUnwindSafe, sync::Arc};

use futures_util::{FutureExt, StreamExt, future::join_all};

use super::{
    Reply, Request,
    call::panicked,
    erased::{Endpoint, Running},
    router::Role,
};
use crate::{
    packet::RawJson,
    pattern::{IncomingPattern, Pattern, Route, RouteRules},
};

/// We stand in for the newest Nest.
const RULES: RouteRules = RouteRules::Nest11;

type Table<K> = HashMap<K, Found, foldhash::fast::RandomState>;

/// Which handler a pattern leads to: a [`Router`](super::Router) made ready to serve any number of connections.
#[derive(Default)]
pub struct Routes {
    /// By route: the truth.
    by_route: Table<Route<'static>>,
    /// By the very JSON text that callers of a registered pattern send: a short cut that saves parsing and collating.
    /// Filled only by looking those texts up in `by_route`, so that it can't lead elsewhere.
    by_text: Table<Box<str>>,
}

/// A pattern that came in: its text for the context, and the handler that it leads to.
#[derive(Clone, Default)]
pub(super) struct Found {
    pub(super) pattern: Option<Arc<str>>,
    pub(super) handler: Option<Arc<Registration>>,
}

/// What is registered for one route. The role is that of the first registration, as in Nest, where later event
/// handlers are chained to whatever is there, and a message handler never looks at its chain.
#[derive(Clone)]
pub(super) enum Registration {
    Message(Arc<dyn Endpoint>),
    Events(Vec<Arc<dyn Endpoint>>),
}

impl Routes {
    pub(super) fn add(&mut self, pattern: &Pattern, role: Role, handler: Arc<dyn Endpoint>) {
        let registered = self.by_route.entry(pattern.route(RULES)).or_default();
        let registration = match (role, registered.handler.as_deref()) {
            (Role::Message, _) => Registration::Message(handler),
            (Role::Event, None) => Registration::Events(vec![handler]),
            (Role::Event, Some(Registration::Events(first))) => {
                Registration::Events(first.iter().cloned().chain([handler]).collect())
            }
            (Role::Event, Some(message @ Registration::Message(_))) => {
                tracing::warn!(%pattern, "an event handler that follows a message handler for its pattern never runs");
                message.clone()
            }
        };
        registered.handler = Some(Arc::new(registration));
        self.add_short_cuts(pattern);
    }

    /// Finds what a packet's pattern leads to (`Server.getHandlerByPattern` in Nest's `server/server.js`).
    pub(super) fn find(&self, pattern: Option<&RawJson>) -> Found {
        match pattern {
            None => Found::default(),
            Some(text) => match self.by_text.get(text.as_str()) {
                Some(found) => found.clone(),
                None => self.look_up(text.as_str()),
            },
        }
    }

    fn look_up(&self, text: &str) -> Found {
        // The text is a member of a packet that was read, and so it is JSON.
        let incoming = IncomingPattern::read(text, RULES).unwrap_or_else(|_| IncomingPattern::absent());
        let registered = incoming.route().and_then(|route| self.by_route.get(route));
        Found {
            pattern: incoming.as_str().map(Into::into),
            handler: registered.and_then(|found| found.handler.clone()),
        }
    }

    fn add_short_cuts(&mut self, pattern: &Pattern) {
        let text = pattern.to_json();
        let found = self.look_up(&text);
        self.by_text.insert(text.into(), found);
    }
}

impl Registration {
    pub(super) fn start(&self, request: Request) -> Running {
        match self {
            Self::Message(handler) => handler.start(request),
            Self::Events(handlers) => match handlers.as_slice() {
                [handler] => handler.start(request),
                handlers => start_all(handlers, &request),
            },
        }
    }
}

/// Runs all, each with its copy of the request. Together they answer as RxJS's nested `forkJoin`s do
/// (`listeners-controller.js`): the last value of each, `{"current":A,"next":{"current":B,"next":C}}`; undefined ones
/// are left out; one that fails, or whose stream has no value at all, decides for all. Each runs to its own end all the
/// same, even when another panics.
fn start_all(handlers: &[Arc<dyn Endpoint>], request: &Request) -> Running {
    let running = join_all(handlers.iter().map(|handler| {
        let (handler, request) = (Arc::clone(handler), request.clone());
        async move {
            let last = AssertUnwindSafe(async { last_value(handler.start(request).await).await });
            let caught = last.catch_unwind().await;
            caught.unwrap_or_else(|panic| Some(Reply::Error(panicked(&*panic))))
        }
    }));
    Box::pin(async move {
        let replies = running.await.into_iter().rev();
        let joined = replies.reduce(|next, current| Some(join(current?, next?)));
        joined.flatten().unwrap_or(Reply::Undefined)
    })
}

/// The last value of a stream, if it has any; any other reply is itself.
pub(super) async fn last_value(reply: Reply) -> Option<Reply> {
    let Reply::Values(mut values) = reply else {
        return Some(reply);
    };
    let mut last = None;
    while let Some(value) = values.0.next().await {
        match value {
            Ok(value) => last = Some(Reply::Value(value)),
            Err(error) => return Some(Reply::Error(error)),
        }
    }
    last
}

fn join(current: Reply, next: Reply) -> Reply {
    let joined = match (current, next) {
        (Reply::Error(error), _) | (_, Reply::Error(error)) => return Reply::Error(error),
        (Reply::Value(current), Reply::Value(next)) => format!(r#"{{"current":{current},"next":{next}}}"#),
        (Reply::Value(current), _) => format!(r#"{{"current":{current}}}"#),
        (_, Reply::Value(next)) => format!(r#"{{"next":{next}}}"#),
        (_, _) => "{}".to_owned(),
    };
    Reply::Value(RawJson::trusted(joined))
}

impl fmt::Debug for Routes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.by_route.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use futures_util::stream;

    use super::*;
    use crate::{
        packet::RpcError,
        server::{Kind, Router, Values},
    };

    async fn answer(router: Router, pattern: &str) -> Option<Reply> {
        let found = router
            .into_routes()
            .find(Some(&RawJson::new(pattern.to_owned()).expect("JSON")));
        let request = Request {
            kind: Kind::Message,
            pattern: found.pattern,
            data: None,
            metadata: None,
            peer: None,
        };
        match found.handler {
            Some(handler) => Some(handler.start(request).await),
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
    async fn several_event_handlers_answer_a_message_together() {
        let two = || Router::new().event("e", async || "A").event("e", async || "B");
        assert_eq!(value(two(), "\"e\"").await, r#"{"current":"A","next":"B"}"#);
        let three = two().event("e", async || "C");
        assert_eq!(
            value(three, "\"e\"").await,
            r#"{"current":"A","next":{"current":"B","next":"C"}}"#
        );
        let silent = Router::new().event("e", async || ()).event("e", async || ());
        assert_eq!(value(silent, "\"e\"").await, "{}");
        let empty_stream = two().event("e", async || Values::new(stream::empty::<u32>()));
        assert!(matches!(answer(empty_stream, "\"e\"").await, Some(Reply::Undefined)));
        let last_of_stream = two().event("e", async || Values::new(stream::iter([1, 2])));
        assert_eq!(
            value(last_of_stream, "\"e\"").await,
            r#"{"current":"A","next":{"current":"B","next":2}}"#
        );
    }

    #[tokio::test]
    async fn one_failing_event_handler_decides_for_all() {
        let router = Router::new()
            .event("e", async || "A")
            .event("e", async || Err::<(), _>(RpcError::new("no")));
        assert!(matches!(answer(router, "\"e\"").await, Some(Reply::Error(error)) if error == RpcError::new("no")));
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
