//! Peers that break the framing: the handlers that still run, the replies that are still sent, and
//! the end of the connection.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering::SeqCst},
};

use nest_wire::{
    connection::TransportConfig,
    packet::RawJson,
    server::{Router, State},
};
use tokio::sync::Notify;

use crate::support::{Peer, converse, converse_with, settle};

const PING: &str = r#"34#{"pattern":"ping","data":0,"id":1}"#;
const PONG: &str = r#"44#{"response":"pong","isDisposed":true,"id":1}"#;

/// Counts its pings; replies to `slow` once released.
#[derive(Clone, Default)]
struct Service {
    pings: Arc<AtomicU32>,
    release: Arc<Notify>,
    finished: Arc<AtomicU32>,
}

impl Service {
    fn router(&self) -> Router {
        Router::new()
            .message("ping", async |State(service): State<Self>| {
                service.pings.fetch_add(1, SeqCst);
                "pong"
            })
            .message("slow", async |State(service): State<Self>| {
                service.release.notified().await;
                service.finished.fetch_add(1, SeqCst);
            })
            .with_state(self.clone())
    }

    fn pings(&self) -> u32 {
        self.pings.load(SeqCst)
    }
}

#[tokio::test(start_paused = true)]
async fn whatever_is_no_frame_closes_the_connection() {
    for corrupt in [
        "x#{}",
        "#{}",
        "-1#{}",
        "0#{}",
        "2#{]",
        "1#{}",
        "4#nul}",
        "3#[1,",
        "GET / HTTP/1.1\r\nHost: #",
        "\u{fffd}#",
        "3#\"\u{1}\"",
        "1#😀",
    ] {
        let service = Service::default();
        converse(service.router(), async |mut peer| {
            peer.send(PING).await;
            peer.expect(PONG).await;
            peer.send(corrupt).await;
            peer.expect_end().await;
        })
        .await
        .expect(corrupt);
    }
}

#[tokio::test(start_paused = true)]
async fn a_good_frame_before_a_corrupt_one_in_its_segment_runs_and_is_not_answered() {
    let service = Service::default();
    converse(service.router(), async |mut peer| {
        peer.send(format!("{PING}x#{{}}")).await;
        peer.expect_end().await;
        assert_eq!(service.pings(), 1);
    })
    .await
    .expect("served");
}

#[tokio::test(start_paused = true)]
async fn a_good_frame_behind_a_corrupt_one_in_its_segment_is_gone() {
    let service = Service::default();
    converse(service.router(), async |mut peer| {
        peer.send(format!("x#{{}}{PING}")).await;
        peer.expect_end().await;
        assert_eq!(service.pings(), 0);
    })
    .await
    .expect("served");
}

#[tokio::test(start_paused = true)]
async fn what_an_earlier_segment_asked_for_is_answered_first() {
    let service = Service::default();
    converse(service.router(), async |mut peer| {
        peer.send(PING).await;
        settle().await;
        peer.send("x#{}").await;
        peer.expect(PONG).await;
        peer.expect_end().await;
    })
    .await
    .expect("served");
}

#[tokio::test(start_paused = true)]
async fn a_reply_in_flight_is_dropped_and_its_handler_is_not() {
    let service = Service::default();
    converse(service.router(), async |mut peer| {
        peer.send(r#"34#{"pattern":"slow","data":0,"id":2}"#).await;
        peer.expect_silence().await;
        peer.send("x#{}").await;
        peer.expect_end().await;
        service.release.notify_one();
        settle().await;
        assert_eq!(service.finished.load(SeqCst), 1);
        peer.expect_end().await;
    })
    .await
    .expect("served");
}

#[tokio::test(start_paused = true)]
async fn what_comes_after_the_error_runs_unanswered() {
    let service = Service::default();
    converse(service.router(), async |mut peer| {
        peer.send("x#{}").await;
        peer.expect_end().await;
        peer.send(PING).await;
        peer.send(format!("{PING}x#{{}}")).await;
        settle().await;
        peer.send(PING).await;
        settle().await;
        assert_eq!(service.pings(), 3);
        peer.expect_end().await;
    })
    .await
    .expect("served");
}

#[tokio::test(start_paused = true)]
async fn one_peers_error_is_no_other_peers() {
    let routes = Service::default().router().into_routes();
    let (bad, bads) = tokio::io::duplex(1024);
    let (good, goods) = tokio::io::duplex(1024);
    let serve = |io| nest_wire::server::serve_connection(io, Arc::clone(&routes)).into_future();
    let script = async {
        let (mut bad, mut good) = (Peer::new(bad), Peer::new(good));
        bad.send("x#{}").await;
        bad.expect_end().await;
        good.send(PING).await;
        good.expect(PONG).await;
    };
    let (bad, good, ()) = tokio::join!(serve(bads), serve(goods), script);
    bad.and(good).expect("served");
}

#[tokio::test(start_paused = true)]
async fn frames_may_come_cut_anywhere_and_on_lines_of_their_own() {
    converse(Service::default().router(), async |mut peer| {
        for byte in format!("\n {PING}\r\n+0{PING}").bytes() {
            peer.send([byte]).await;
            settle().await;
        }
        peer.expect(PONG).await;
        peer.expect(PONG).await;
    })
    .await
    .expect("served");
}

#[tokio::test(start_paused = true)]
async fn more_text_than_may_be_buffered_closes_the_connection() {
    let router = || Router::new().message("echo", async |data: RawJson| data);
    let config = TransportConfig::default().max_buffer_size(60);
    // Makes a packet of this total length.
    let text = |length: usize| format!(r#"{{"pattern":"echo","data":"{}","id":1}}"#, "x".repeat(length - 35));
    converse_with(&config, router(), async |mut peer| {
        // 57 units and a header of 3 are 60.
        peer.say(&text(57)).await;
        peer.hear(&format!(
            r#"{{"response":"{}","isDisposed":true,"id":1}}"#,
            "x".repeat(22)
        ))
        .await;
        peer.say(&text(58)).await;
        peer.expect_end().await;
    })
    .await
    .expect("served");
    converse_with(&config, router(), async |mut peer| {
        peer.send("1".repeat(61)).await;
        peer.expect_end().await;
    })
    .await
    .expect("served");
    converse_with(&config, router(), async |mut peer| {
        // Small frames that arrive together count together.
        peer.send("2#{}".repeat(16)).await;
        peer.expect_end().await;
    })
    .await
    .expect("served");
}
