//! Handlers that reply with a stream: the sent packets and their times.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::SeqCst},
    },
    task::{Context, Poll},
    time::Duration,
};

use futures_util::{Stream, StreamExt, stream};
use nest_wire::{
    connection::TransportConfig,
    packet::RpcError,
    server::{Payload, ReplyStream, Router, State},
};
use tokio::{sync::Notify, time::sleep};

use crate::support::{converse, converse_over};

const REQUEST: &str = r#"31#{"pattern":"s","data":0,"id":1}"#;

#[tokio::test(start_paused = true)]
async fn the_last_value_of_a_synchronous_stream_carries_the_end() {
    let router = Router::new().message("s", async || ReplyStream::new(stream::iter(["a", "b", "c"])));
    converse(router, async |mut peer| {
        peer.send(REQUEST).await;
        peer.expect(r#"23#{"response":"a","id":1}"#).await;
        peer.expect(r#"23#{"response":"b","id":1}"#).await;
        peer.expect(r#"41#{"response":"c","isDisposed":true,"id":1}"#).await;
        peer.expect_silence().await;
    })
    .await
    .expect("served");
}

#[tokio::test(start_paused = true)]
async fn a_slow_stream_sends_each_value_when_it_comes() {
    let router = Router::new().message("s", async || {
        ReplyStream::new(stream::iter([1, 2]).then(async |n| {
            sleep(Duration::from_secs(5)).await;
            n
        }))
    });
    converse(router, async |mut peer| {
        peer.send(REQUEST).await;
        peer.expect_silence_of(Duration::from_secs(4)).await;
        peer.expect(r#"21#{"response":1,"id":1}"#).await;
        peer.expect_silence_of(Duration::from_secs(4)).await;
        peer.expect(r#"39#{"response":2,"isDisposed":true,"id":1}"#).await;
    })
    .await
    .expect("served");
}

#[tokio::test(start_paused = true)]
async fn an_end_that_comes_later_comes_alone() {
    let end = Arc::new(Notify::new());
    let router = Router::new()
        .message("s", async |State(end): State<Arc<Notify>>| {
            let nothing = stream::once(async move { end.notified().await }).filter_map(async |()| None);
            ReplyStream::new(stream::iter([1]).chain(nothing))
        })
        .with_state(Arc::clone(&end));
    converse(router, async |mut peer| {
        peer.send(REQUEST).await;
        peer.expect(r#"21#{"response":1,"id":1}"#).await;
        peer.expect_silence().await;
        end.notify_one();
        peer.expect(r#"26#{"isDisposed":true,"id":1}"#).await;
    })
    .await
    .expect("served");
}

#[tokio::test(start_paused = true)]
async fn a_long_stream_that_never_waits_goes_on_by_itself() {
    const COUNT: u32 = 10_000;
    let router = Router::new().message("s", async || ReplyStream::new(stream::iter(1..=COUNT)));
    converse(router, async |mut peer| {
        peer.send(REQUEST).await;
        let mut last = String::new();
        for _ in 0..COUNT {
            last = peer.take_text().await;
        }
        assert_eq!(last, r#"{"response":10000,"isDisposed":true,"id":1}"#);
    })
    .await
    .expect("served");
}

#[tokio::test(start_paused = true)]
async fn a_stream_without_values_completes() {
    let router = Router::new().message("s", async || ReplyStream::new(stream::empty::<u32>()));
    converse(router, async |mut peer| {
        peer.send(REQUEST).await;
        peer.expect(r#"26#{"isDisposed":true,"id":1}"#).await;
    })
    .await
    .expect("served");
}

#[tokio::test(start_paused = true)]
async fn an_error_after_values_is_a_packet_of_its_own_and_the_last() {
    let router = Router::new().message("s", async || {
        let values = stream::iter([Ok(1), Err(RpcError::new("no more")), Ok(3)]);
        ReplyStream::fallible(values)
    });
    converse(router, async |mut peer| {
        peer.send(REQUEST).await;
        peer.expect(r#"21#{"response":1,"id":1}"#).await;
        peer.expect(r#"71#{"err":{"status":"error","message":"no more"},"isDisposed":true,"id":1}"#)
            .await;
        peer.expect_silence().await;
    })
    .await
    .expect("served");
}

#[tokio::test(start_paused = true)]
async fn streams_of_one_connection_run_side_by_side() {
    let router = Router::new().message("s", async |Payload(ms): Payload<u64>| {
        ReplyStream::new(stream::iter(1..=2).then(move |n| async move {
            sleep(Duration::from_millis(ms)).await;
            n
        }))
    });
    converse(router, async |mut peer| {
        peer.send(r#"34#{"pattern":"s","data":30,"id":"a"}34#{"pattern":"s","data":20,"id":"b"}"#)
            .await;
        peer.expect(r#"23#{"response":1,"id":"b"}"#).await;
        peer.expect(r#"23#{"response":1,"id":"a"}"#).await;
        peer.expect(r#"41#{"response":2,"isDisposed":true,"id":"b"}"#).await;
        peer.expect(r#"41#{"response":2,"isDisposed":true,"id":"a"}"#).await;
    })
    .await
    .expect("served");
}

#[tokio::test(start_paused = true)]
async fn an_event_handlers_stream_runs_to_its_end_unsent() {
    let polled = Arc::new(AtomicU32::new(0));
    let router = Router::new()
        .event("s", async |State(polled): State<Arc<AtomicU32>>| {
            ReplyStream::new(Endless { polled, left: 100 })
        })
        .with_state(Arc::clone(&polled));
    converse(router, async |mut peer| {
        peer.send(r#"24#{"pattern":"s","data":0}"#).await;
        peer.expect_silence().await;
        assert_eq!(polled.load(SeqCst), 101);
    })
    .await
    .expect("served");
}

#[tokio::test(start_paused = true)]
async fn an_event_handlers_stream_runs_to_its_end_though_the_peer_is_gone() {
    let polled = Arc::new(AtomicU32::new(0));
    let release = Arc::new(Notify::new());
    let state = (Arc::clone(&polled), Arc::clone(&release));
    let router = Router::new()
        .event(
            "s",
            async |State((polled, release)): State<(Arc<AtomicU32>, Arc<Notify>)>| {
                release.notified().await;
                ReplyStream::new(Endless { polled, left: 100 })
            },
        )
        .with_state(state);
    converse(router, async |mut peer| {
        peer.send(r#"24#{"pattern":"s","data":0}"#).await;
        peer.expect_silence().await;
        drop(peer);
        sleep(Duration::from_secs(1)).await;
        release.notify_one();
    })
    .await
    .expect("served");
    assert_eq!(polled.load(SeqCst), 101);
}

#[tokio::test(start_paused = true)]
async fn a_stream_is_not_polled_while_the_peer_does_not_read() {
    let polled = Arc::new(AtomicU32::new(0));
    let router = Router::new()
        .message("s", async |State(polled): State<Arc<AtomicU32>>| {
            ReplyStream::new(Endless { polled, left: 100_000 })
        })
        .with_state(Arc::clone(&polled));
    let script = async |mut peer: crate::support::Peer| {
        peer.send(REQUEST).await;
        sleep(Duration::from_secs(60)).await;
        let while_unread = polled.load(SeqCst);
        assert!((1..10_000).contains(&while_unread), "{while_unread}");
        for _ in 1..100_000 {
            peer.expect(r#"21#{"response":0,"id":1}"#).await;
        }
        peer.expect(r#"39#{"response":0,"isDisposed":true,"id":1}"#).await;
    };
    converse_over(1024, &TransportConfig::default(), router, script)
        .await
        .expect("served");
}

#[tokio::test(start_paused = true)]
async fn a_dropped_connection_drops_its_streams_at_once() {
    let drops = Arc::new(AtomicU32::new(0));
    let router = Router::new()
        .message("s", async |State(drops): State<Arc<AtomicU32>>| {
            let guard = CountsDrop(drops);
            ReplyStream::new(stream::pending::<u32>().inspect(move |_| _ = &guard))
        })
        .message("slow", async || sleep(Duration::from_secs(3600)).await)
        .with_state(Arc::clone(&drops));
    converse(router, async |mut peer| {
        peer.send(r#"34#{"pattern":"slow","data":0,"id":2}"#).await;
        peer.send(REQUEST).await;
        peer.expect_silence().await;
        assert_eq!(drops.load(SeqCst), 0);
        drop(peer);
        sleep(Duration::from_secs(1)).await;
        assert_eq!(drops.load(SeqCst), 1, "though a handler still runs");
    })
    .await
    .expect("served");
}

struct CountsDrop(Arc<AtomicU32>);

impl Drop for CountsDrop {
    fn drop(&mut self) {
        self.0.fetch_add(1, SeqCst);
    }
}

/// Zeros without a pause, `left` of them. It counts how often it is polled.
struct Endless {
    polled: Arc<AtomicU32>,
    left: u32,
}

impl Stream for Endless {
    type Item = u32;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<u32>> {
        self.polled.fetch_add(1, SeqCst);
        let value = self.left.checked_sub(1);
        self.left = value.unwrap_or(0);
        Poll::Ready(value.map(|_| 0))
    }
}
