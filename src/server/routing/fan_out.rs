//! Runs several event handlers of one pattern.
//!
//! An event runs all of them. A message does too, and then gets a reply (`listeners-controller.js`;
//! `docs/PROTOCOL.md` §3.3).

use std::panic::AssertUnwindSafe;

use futures_util::{FutureExt, StreamExt, future::join_all};

use crate::{
    compat::Compat,
    packet::{RawJson, RpcError},
    server::{
        Reply, ReplyStream, Request,
        exchange::{
            budget::unless_it_waits,
            log_context::{LogContext, OwnedLogContext},
            panicked::panicked,
        },
        handler::{HandlerService, service::BoxReplyFuture},
        reply::{ReplyItem, ReplyItems},
    },
};

/// Runs all handlers, each with its copy of the request and to its own end, even if another handler
/// panics.
///
/// Returns the future of the reply to a message. Since Nest 9 it joins the results of all handlers;
/// before that, it is the reply of the first handler and does not wait for the others.
pub(in crate::server) fn start_all(handlers: &[HandlerService], request: &Request, compat: Compat) -> BoxReplyFuture {
    if compat.joins_event_results() {
        let outcomes = join_all(handlers.iter().map(|handler| outcome(handler, request)));
        return Box::pin(async { joined(outcomes.await) });
    }
    let Some((first, others)) = handlers.split_first() else {
        return Box::pin(async { Reply::Undefined });
    };
    let others = others.iter().map(|handler| outcome(handler, request)).collect();
    let origin = LogContext::of(request).kept();
    Box::pin(first_of(first.start(request.clone()), others, origin))
}

/// Starts all handlers, one after the other, so that what they do without waiting is done before
/// the next packet is handled. The other handlers finish in tasks of their own. Returns the reply
/// of the first.
async fn first_of<F>(mut first: BoxReplyFuture, others: Vec<F>, origin: OwnedLogContext) -> Reply
where
    F: Future<Output = HandlerResult> + Send + 'static,
{
    let reply = AssertUnwindSafe(unless_it_waits(&mut first)).catch_unwind().await;
    for other in others {
        let mut other = Box::pin(other);
        if unless_it_waits(&mut other).await.is_none() {
            tokio::spawn(other);
        }
    }
    match reply {
        Ok(Some(reply)) => reply,
        Ok(None) => first.await,
        Err(panic) => Reply::Error(panicked(panic, origin.get())),
    }
}

/// Drives a stream to its end for its side effects. Returns its last value or its error.
pub(in crate::server) async fn drain_stream(values: ReplyStream) -> Reply {
    last_value(values).await.unwrap_or(Reply::Undefined)
}

/// Drives the packets of a reply to their end for their side effects. Returns the last value or the
/// error.
pub(in crate::server) async fn drain_items(items: ReplyItems) -> Reply {
    last_item(items).await.unwrap_or(Reply::Undefined)
}

/// The result of one handler.
enum HandlerResult {
    /// A value, or undefined.
    Value(Option<RawJson>),
    /// The reply, regardless of the results of the other handlers.
    Decided(Reply),
}

fn outcome(handler: &HandlerService, request: &Request) -> impl Future<Output = HandlerResult> + use<> {
    let origin = LogContext::of(request).kept();
    let (handler, request) = (handler.clone(), request.clone());
    let run = async move {
        let reply = match handler.start(request).await {
            Reply::Stream(values) => last_value(values).await,
            Reply::Items(items) => last_item(items).await,
            reply => Some(reply),
        };
        match reply {
            Some(Reply::Value(value)) => HandlerResult::Value(Some(value)),
            Some(Reply::Undefined) => HandlerResult::Value(None),
            Some(failed) => HandlerResult::Decided(failed),
            None => HandlerResult::Decided(Reply::Undefined),
        }
    };
    AssertUnwindSafe(run).catch_unwind().map(move |outcome| {
        outcome.unwrap_or_else(|panic| HandlerResult::Decided(Reply::Error(panicked(panic, origin.get()))))
    })
}

/// Joins the results as RxJS's nested `forkJoin`s do. Returns the last value of each,
/// `{"current":A,"next":{"current":B,"next":C}}`, without undefined ones. An error, or a stream
/// without any value, becomes the reply of all.
fn joined(outcomes: Vec<HandlerResult>) -> Reply {
    let joined = outcomes
        .into_iter()
        .rev()
        .reduce(|next, current| match (current, next) {
            (HandlerResult::Value(current), HandlerResult::Value(next)) => {
                HandlerResult::Value(Some(nested(current, next)))
            }
            (decided @ HandlerResult::Decided(_), _) | (_, decided) => decided,
        });
    match joined {
        Some(HandlerResult::Value(Some(value))) => Reply::Value(value),
        Some(HandlerResult::Decided(reply)) => reply,
        Some(HandlerResult::Value(None)) | None => Reply::Undefined,
    }
}

/// Drives the packets of a reply to their end. Returns the last value or the error; `None` if there
/// is neither. Packets of another service are not read.
async fn last_item(mut items: ReplyItems) -> Option<Reply> {
    let mut last = None;
    while let Some(item) = items.0.next().await {
        tokio::task::coop::consume_budget().await;
        match item {
            ReplyItem::Value(value) | ReplyItem::Last(value) => {
                last = Some(value.into_option().map_or(Reply::Undefined, Reply::Value));
            }
            ReplyItem::Error(error) => return Some(Reply::Error(error)),
            ReplyItem::NoHandler => return Some(Reply::Error(RpcError::no_handler())),
            ReplyItem::Completion | ReplyItem::Packet(_) => {}
        }
    }
    last
}

/// Returns the last value of a stream, or its error; `None` if the stream has no value.
async fn last_value(mut values: ReplyStream) -> Option<Reply> {
    let mut last = None;
    while let Some(value) = values.0.next().await {
        // Without this, a stream that never waits would block the thread.
        tokio::task::coop::consume_budget().await;
        match value {
            Ok(value) => last = Some(value.into_option().map_or(Reply::Undefined, Reply::Value)),
            Err(error) => return Some(Reply::Error(error)),
        }
    }
    last
}

fn nested(current: Option<RawJson>, next: Option<RawJson>) -> RawJson {
    let member = |(key, value): (&str, Option<RawJson>)| value.map(|value| format!("\"{key}\":{value}"));
    let members: Vec<_> = [("current", current), ("next", next)]
        .into_iter()
        .filter_map(member)
        .collect();
    RawJson::trusted(format!("{{{}}}", members.join(",")))
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    };

    use futures_util::stream;

    use super::*;
    use crate::{
        packet::RpcError,
        server::{RequestKind, Router, routing::table::Lookup},
    };

    async fn answer(router: Router, compat: Compat) -> Reply {
        let routes = router.compat(compat).into_routes();
        let mut looked_up = Lookup::default();
        let found = routes.find(Some("\"e\""), &mut looked_up);
        let request = Request::raw(RequestKind::Message, found.pattern.cloned(), None);
        found.handler.expect("a handler").start(|| request, compat).await
    }

    async fn value(router: Router) -> String {
        match answer(router, Compat::Nest12).await {
            Reply::Value(value) => value.to_string(),
            other => panic!("no value: {other:?}"),
        }
    }

    fn two() -> Router {
        Router::new().event("e", async || "A").event("e", async || "B")
    }

    #[tokio::test]
    async fn their_results_are_nested() {
        assert_eq!(value(two()).await, r#"{"current":"A","next":"B"}"#);
        let three = two().event("e", async || "C");
        assert_eq!(
            value(three).await,
            r#"{"current":"A","next":{"current":"B","next":"C"}}"#
        );
        let silent = Router::new().event("e", async || ()).event("e", async || ());
        assert_eq!(value(silent).await, "{}");
    }

    #[tokio::test]
    async fn of_a_stream_the_last_value_counts() {
        let stream = two().event("e", async || ReplyStream::new(stream::iter([1, 2])));
        assert_eq!(
            value(stream).await,
            r#"{"current":"A","next":{"current":"B","next":2}}"#
        );
        let empty = two().event("e", async || ReplyStream::new(stream::empty::<u32>()));
        assert!(matches!(answer(empty, Compat::Nest12).await, Reply::Undefined));
    }

    #[tokio::test]
    async fn one_that_fails_decides_for_all() {
        let failing = two().event("e", async || Err::<(), _>(RpcError::new("no")));
        let reply = answer(failing, Compat::Nest12).await;
        assert!(matches!(reply, Reply::Error(error) if error == RpcError::new("no")));
    }

    #[tokio::test]
    async fn in_8_the_first_answers_and_in_7_the_last_is_the_only_one() {
        for (compat, expected) in [(Compat::Nest8, "\"A\""), (Compat::Nest7, "\"B\"")] {
            let reply = answer(two(), compat).await;
            assert!(
                matches!(&reply, Reply::Value(value) if value.as_str() == expected),
                "{compat}: {reply:?}"
            );
        }
    }

    #[tokio::test]
    async fn in_8_too_the_others_have_begun_before_the_next_packet_is_looked_at() {
        let runs = Arc::new(AtomicU8::new(0));
        let counted = Arc::clone(&runs);
        let counting = two().event("e", async move || {
            counted.fetch_add(1, Ordering::Relaxed);
        });
        // Ready at its first poll: no other task has had a chance to run.
        let reply = answer(counting, Compat::Nest8).now_or_never();
        assert!(matches!(reply, Some(Reply::Value(value)) if value.as_str() == "\"A\""));
        assert_eq!(runs.load(Ordering::Relaxed), 1);
    }
}
