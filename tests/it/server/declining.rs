//! Handlers that decline, packets without a pattern, and handlers that never run.

use std::time::Duration;

use nest_wire::{
    Compat,
    packet::RpcError,
    pattern::Pattern,
    server::{
        Context, Payload, Reply, Request, RequestKind, Router,
        extract::FromRequest,
        middleware::{Next, from_fn},
    },
};
use tokio::time::sleep;
use tracing::Level;

use crate::support::{Log, converse, frame};

/// Nest's reply for a pattern without a handler.
const NO_HANDLER: &str =
    r#"{"id":"a","status":"error","err":"There is no matching message handler defined in the remote service."}"#;

async fn decline() -> Result<u32, RpcError> {
    Err(RpcError::no_handler())
}

/// An extractor that rejects every request.
struct Nobody;

impl<S: Sync> FromRequest<S> for Nobody {
    async fn from_request(_: &mut Request, _: &S) -> Result<Self, RpcError> {
        Err(RpcError::no_handler())
    }
}

fn declining() -> Router {
    async fn guard(_: Nobody, request: Request, next: Next) -> Reply {
        next.run(request).await
    }
    let guarded = Router::new().message("guarded", async || 1).layer(from_fn(guard));
    let later = async || {
        sleep(Duration::from_millis(1)).await;
        decline().await
    };
    Router::new()
        .message("extracted", async |_: Nobody| 1)
        .message("later", later)
        .message("known", async || 1)
        .merge(guarded)
        .fallback(decline)
}

async fn asked(router: Router, packet: &str, reply: &str) {
    converse(router, async |mut peer| {
        peer.send(&frame(packet)).await;
        peer.expect(&frame(reply)).await;
    })
    .await
    .expect("served");
}

#[tokio::test(start_paused = true)]
async fn a_fallback_and_a_guard_decline_with_nests_own_packet() {
    let unknown = r#"{"pattern":"unknown","data":1,"id":"a"}"#;
    asked(Router::new(), unknown, NO_HANDLER).await;
    for pattern in ["unknown", "guarded", "extracted", "later"] {
        let packet = format!(r#"{{"pattern":"{pattern}","data":1,"id":"a"}}"#);
        asked(declining(), &packet, NO_HANDLER).await;
    }
    let known = r#"{"pattern":"known","data":1,"id":"a"}"#;
    asked(declining(), known, r#"{"response":1,"isDisposed":true,"id":"a"}"#).await;
}

#[tokio::test(start_paused = true)]
async fn a_declined_event_is_logged_as_one_without_a_handler() {
    for pattern in ["unknown", "later"] {
        let log = Log::of(Level::WARN);
        converse(declining(), async |mut peer| {
            peer.send(&frame(&format!(r#"{{"pattern":"{pattern}","data":1}}"#)))
                .await;
            peer.expect_silence().await;
        })
        .await
        .expect("served");
        let line = log.line_with("no handler for this event");
        assert!(line.contains(pattern), "{line}");
        assert_eq!(log.text().lines().count(), 1, "{}", log.text());
    }
}

#[tokio::test(start_paused = true)]
async fn a_packet_without_a_pattern_has_a_handler_of_its_own() {
    let shown = async |context: Context, Payload(data): Payload<u32>| {
        (context.pattern.is_none() && context.kind == RequestKind::Message).then_some(data)
    };
    let router = || {
        Router::new()
            .message_without_pattern(shown)
            .fallback(async || "fallback")
    };
    let packet = r#"{"data":7,"id":"a"}"#;
    let seven = r#"{"response":7,"isDisposed":true,"id":"a"}"#;
    asked(router(), packet, seven).await;
    asked(Router::new().merge(router()), packet, seven).await;
    let fallback = r#"{"response":"fallback","isDisposed":true,"id":"a"}"#;
    for other in ["null", "\"\"", "\"undefined\""] {
        let packet = format!(r#"{{"pattern":{other},"data":7,"id":"a"}}"#);
        asked(router(), &packet, fallback).await;
    }
    asked(Router::new().fallback(async || "fallback"), packet, fallback).await;
    asked(Router::new(), packet, NO_HANDLER).await;
    let layered = router().layer(from_fn(async |_: Request, _: Next| Reply::Undefined));
    asked(layered, packet, r#"{"isDisposed":true,"id":"a"}"#).await;
}

#[test]
fn a_handler_that_its_own_pattern_does_not_reach_is_warned_of() {
    for (text, told) in [
        ("null", r#"pattern="null" read_as=null"#),
        ("true", r#"pattern="true" read_as=true"#),
        ("1.50", r#"pattern="1.50" read_as="1.5""#),
        ("1e3", r#"pattern="1e3" read_as="1000""#),
        ("[1]", r#"pattern="[1]" read_as="{\"0\":1}""#),
        ("{\"b\":1,\"a\":2}", r#"read_as="{\"a\":2,\"b\":1}""#),
    ] {
        let log = Log::of(Level::WARN);
        let _ = Router::<()>::new().message(text, decline).into_routes();
        let line = log.line_with("no call to this pattern reaches its handler");
        assert!(line.contains(told), "{line}");
    }
}

#[test]
fn handlers_that_calls_reach_are_not_warned_of() {
    let log = Log::of(Level::WARN);
    let object = || Pattern::object([("b", 1), ("a", 2)]);
    let _ = Router::<()>::new()
        .message("sum", decline)
        .message("", decline)
        .message("1.5", decline)
        .message(2, decline)
        .message(object(), decline)
        .event(r#"{"c":1}"#, decline)
        .event("log", decline)
        .event("log", decline)
        .message_without_pattern(decline)
        .into_routes();
    assert_eq!(log.text(), "");
}

#[test]
fn a_handler_whose_place_a_later_one_takes_is_warned_of() {
    for (router, pattern) in [
        (
            Router::<()>::new().message("dup", decline).message("dup", decline),
            "dup",
        ),
        (Router::new().event("kinds", decline).message("kinds", decline), "kinds"),
        (
            Router::new()
                .event("older", decline)
                .event("older", decline)
                .compat(Compat::Nest7),
            "older",
        ),
    ] {
        let log = Log::of(Level::WARN);
        let _ = router.into_routes();
        let line = log.line_with("a later one for its pattern takes its place");
        assert!(line.contains(pattern), "{line}");
    }
}

#[test]
fn the_major_of_a_merged_router_is_followed_or_warned_of() {
    // Nest 10 does not escape the contents of a pattern.
    let pattern = || Pattern::object([("cmd", "a\"b")]);
    let older = || Router::<()>::new().message(pattern(), decline).compat(Compat::Nest10);
    let is_older = |router: Router| {
        let table = format!("{:?}", router.into_routes());
        table == format!("{:?}", older().into_routes())
    };
    let log = Log::of(Level::WARN);
    assert!(is_older(Router::new().merge(older())));
    assert!(is_older(Router::new().compat(Compat::Nest10).merge(older())));
    assert!(!log.text().contains("compat"), "{}", log.text());
    assert!(!is_older(Router::new().compat(Compat::Nest12).merge(older())));
    let line = log.line_with("the compat of a merged router is ignored");
    assert!(line.contains("Nest12") && line.contains("Nest10"), "{line}");
}
