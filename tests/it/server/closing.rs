//! Peers that close one or both directions, cleanly or not.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::SeqCst},
    },
    time::Duration,
};

use futures_util::{StreamExt, stream};
use nest_wire::server::{ReplyStream, Router, State};
use tokio::time::sleep;

use crate::support::converse;

const PING: &str = r#"34#{"pattern":"ping","data":0,"id":1}"#;
const PONG: &str = r#"44#{"response":"pong","isDisposed":true,"id":1}"#;
const SLOW: &str = r#"34#{"pattern":"slow","data":0,"id":2}"#;

/// Returns a router whose `slow` takes ten seconds and then counts itself.
fn router(finished: &Arc<AtomicU32>) -> Router {
    Router::new()
        .message("ping", async || "pong")
        .message("slow", async |State(finished): State<Arc<AtomicU32>>| {
            sleep(Duration::from_secs(10)).await;
            finished.fetch_add(1, SeqCst);
        })
        .message("stream", async || {
            ReplyStream::new(stream::iter(0..).then(async |n| {
                sleep(Duration::from_secs(1)).await;
                n
            }))
        })
        .with_state(Arc::clone(finished))
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_closes_is_closed_too() {
    converse(router(&Arc::default()), async |mut peer| {
        peer.half_close().await;
        peer.expect_end().await;
    })
    .await
    .expect("served");
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_half_closes_still_gets_what_is_answered_at_once() {
    converse(router(&Arc::default()), async |mut peer| {
        peer.send(PING).await;
        peer.half_close().await;
        peer.expect(PONG).await;
        peer.expect_end().await;
    })
    .await
    .expect("served");
}

#[tokio::test(start_paused = true)]
async fn a_slow_reply_to_a_peer_that_half_closes_is_lost_and_its_handler_is_not() {
    let finished = Arc::new(AtomicU32::new(0));
    converse(router(&finished), async |mut peer| {
        peer.send(format!("{SLOW}{PING}")).await;
        peer.half_close().await;
        peer.expect(PONG).await;
        peer.expect_end().await;
        assert_eq!(finished.load(SeqCst), 0);
    })
    .await
    .expect("served");
    assert_eq!(finished.load(SeqCst), 1, "before the connection counts as served");
}

#[tokio::test(start_paused = true)]
async fn a_stream_ends_where_its_peer_half_closes() {
    converse(router(&Arc::default()), async |mut peer| {
        peer.send(r#"36#{"pattern":"stream","data":0,"id":1}"#).await;
        peer.expect(r#"21#{"response":0,"id":1}"#).await;
        peer.half_close().await;
        peer.expect_end().await;
    })
    .await
    .expect("served");
}

#[tokio::test(start_paused = true)]
async fn handlers_run_to_their_end_though_the_peer_is_gone() {
    let finished = Arc::new(AtomicU32::new(0));
    let ended = converse(router(&finished), async |mut peer| {
        peer.send(format!("{SLOW}{SLOW}")).await;
        peer.expect_silence().await;
    });
    // The end was between two packets.
    ended.await.expect("served");
    assert_eq!(finished.load(SeqCst), 2);
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_leaves_while_it_is_answered_breaks_the_link() {
    let finished = Arc::new(AtomicU32::new(0));
    let ended = converse(router(&finished), async |mut peer| {
        peer.send(format!("{SLOW}{PING}")).await;
    });
    let error = ended.await.expect_err("nobody took the reply");
    assert_eq!(error.to_string(), "the link failed");
    assert_eq!(finished.load(SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn half_a_frame_at_the_end_is_lost() {
    converse(router(&Arc::default()), async |mut peer| {
        peer.send(&PING.as_bytes()[..20]).await;
        peer.half_close().await;
        peer.expect_end().await;
    })
    .await
    .expect("served");
}
