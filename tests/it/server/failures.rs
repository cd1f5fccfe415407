//! Handlers that fail or panic: the caller's reply, and no effect on other callers.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::SeqCst},
    },
    time::Duration,
};

use futures_util::{StreamExt, stream};
use nest_wire::{
    packet::{RawJson, RpcError},
    server::{Payload, ReplyStream, Router, State},
};
use tokio::time::sleep;

use crate::support::{Peer, converse};

const INTERNAL: &str = r#"{"err":{"status":"error","message":"Internal server error"},"isDisposed":true,"id":1}"#;

/// Sends a request with id 1 to the one handler of `router`, whose pattern is `try`, and expects
/// this reply.
async fn expect_reply(router: Router, reply: &str) {
    converse(router, async |mut peer| {
        peer.send(r#"33#{"pattern":"try","data":0,"id":1}"#).await;
        peer.hear(reply).await;
        peer.expect_silence().await;
    })
    .await
    .expect("served");
}

#[tokio::test(start_paused = true)]
async fn an_rpc_error_is_sent_as_it_is() {
    let message = async || Err::<(), _>(RpcError::new("no \"such\" user"));
    expect_reply(
        Router::new().message("try", message),
        r#"{"err":{"status":"error","message":"no \"such\" user"},"isDisposed":true,"id":1}"#,
    )
    .await;
    let object = async || Err::<(), _>(RpcError::from_raw(RawJson::new(r#"{"code":404}"#).expect("JSON")));
    expect_reply(
        Router::new().message("try", object),
        r#"{"err":{"code":404},"isDisposed":true,"id":1}"#,
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn any_other_error_tells_the_caller_nothing() {
    let returned = async || Err::<u32, _>(io::Error::other("the password is 1234"));
    expect_reply(Router::new().message("try", returned), INTERNAL).await;
    let questioned = async || -> Result<u32, RpcError> { Ok("x".parse::<u32>()?) };
    expect_reply(Router::new().message("try", questioned), INTERNAL).await;
}

#[tokio::test(start_paused = true)]
async fn a_value_that_cannot_be_serialised_is_an_internal_error() {
    let value = async || Payload(std::collections::HashMap::from([(vec![1], 1)]));
    expect_reply(Router::new().message("try", value), INTERNAL).await;
}

#[tokio::test(start_paused = true)]
async fn a_panic_is_an_internal_error_wherever_it_happens() {
    let at_once = async || -> u32 { panic!("at once") };
    expect_reply(Router::new().message("try", at_once), INTERNAL).await;
    let before_the_future = || -> std::future::Ready<u32> { panic!("before the future") };
    expect_reply(Router::new().message("try", before_the_future), INTERNAL).await;
    let later = async || -> u32 {
        sleep(Duration::from_millis(5)).await;
        panic!("later")
    };
    expect_reply(Router::new().message("try", later), INTERNAL).await;
    let in_a_stream = async || ReplyStream::new(stream::once(async { panic!("in a stream") as u32 }));
    expect_reply(Router::new().message("try", in_a_stream), INTERNAL).await;
    let with_no_text = async || -> u32 { std::panic::panic_any(7) };
    expect_reply(Router::new().message("try", with_no_text), INTERNAL).await;
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_panics_has_sent_its_values() {
    let router = Router::new().message("try", async || {
        ReplyStream::new(stream::iter([1, 2, 3]).map(|n| if n < 3 { n } else { panic!("at {n}") }))
    });
    converse(router, async |mut peer| {
        peer.send(r#"33#{"pattern":"try","data":0,"id":1}"#).await;
        peer.expect(r#"21#{"response":1,"id":1}21#{"response":2,"id":1}"#).await;
        peer.hear(INTERNAL).await;
        peer.expect_silence().await;
    })
    .await
    .expect("served");
}

#[tokio::test(start_paused = true)]
async fn a_panic_leaves_the_connection_and_the_others_alive() {
    let router = Router::new()
        .message("panic", async || -> u32 { panic!("on purpose") })
        .event("panic-event", async || -> () { panic!("on purpose") })
        .message("slow", async || {
            sleep(Duration::from_millis(50)).await;
            "slow"
        });
    let panicking = r#"35#{"pattern":"panic","data":0,"id":1}34#{"pattern":"panic-event","data":0}"#;
    converse(router, async |mut peer: Peer| {
        peer.send(r#"36#{"pattern":"slow","data":0,"id":"s"}"#).await;
        peer.send(panicking).await;
        peer.hear(INTERNAL).await;
        peer.send(panicking).await;
        peer.hear(INTERNAL).await;
        peer.expect(r#"46#{"response":"slow","isDisposed":true,"id":"s"}"#)
            .await;
    })
    .await
    .expect("served");
}

#[tokio::test(start_paused = true)]
async fn an_event_handler_that_panics_leaves_the_others_of_its_pattern_alone() {
    let finished = Arc::new(AtomicU32::new(0));
    let slow = async |State(finished): State<Arc<AtomicU32>>| {
        sleep(Duration::from_millis(5)).await;
        finished.fetch_add(1, SeqCst);
    };
    let router = Router::new()
        .event("e", slow)
        .event("e", async || -> () { panic!("on purpose") })
        .event("e", slow)
        .event("e", async || Err::<(), _>(RpcError::new("on purpose")))
        .with_state(Arc::clone(&finished));
    converse(router, async |mut peer| {
        peer.send(r#"24#{"pattern":"e","data":0}"#).await;
        peer.expect_silence().await;
        assert_eq!(finished.load(SeqCst), 2);
        // For a request, the failure is the reply, but all handlers still run to their ends.
        peer.send(r#"31#{"pattern":"e","data":0,"id":1}"#).await;
        peer.hear(INTERNAL).await;
        assert_eq!(finished.load(SeqCst), 4);
    })
    .await
    .expect("served");
}
