//! The metrics of a service: each outcome by pattern, connections, bytes, faults, and the return of
//! all gauges to 0.

use std::{sync::Arc, time::Duration};

use futures_util::stream;
use nest_wire::{
    connection::TransportConfig,
    packet::{ReplyPacket, RpcError},
    server::{
        Limits, Payload, ReplyStream, Router,
        reply::{ReplyItem, ReplyItems},
        serve,
    },
};
use tokio::sync::Notify;

use crate::support::{Counts, arrivals, converse, settle};

fn router() -> Router {
    Router::new()
        .message("sum", async |Payload(numbers): Payload<Vec<f64>>| {
            numbers.iter().sum::<f64>()
        })
        .message("later", async || tokio::task::yield_now().await)
        .message("fails", async || Err::<(), _>(RpcError::new("no")))
        .message("panics", async || -> u32 { panic!("oh no") })
        .message("streams", async || ReplyStream::new(stream::iter([1, 2])))
        .message("breaks", async || {
            ReplyStream::fallible(stream::iter([Ok(1), Err(RpcError::new("no"))]))
        })
        .message("never", async || ReplyStream::new(stream::pending::<u32>()))
        .event("note", async || ())
}

#[tokio::test(start_paused = true)]
async fn a_service_counts_requests_by_pattern_and_outcome() {
    let counts = Counts::start();
    converse(router(), async |mut peer| {
        for (pattern, data, frames) in [
            ("sum", "[1,2]", 1),
            ("sum", "[3]", 1),
            ("sum", "\"no numbers\"", 1),
            ("later", "0", 1),
            ("fails", "0", 1),
            ("panics", "0", 1),
            ("streams", "0", 2),
            ("breaks", "0", 2),
            ("whatever", "0", 1),
            ("whatever else", "0", 1),
        ] {
            peer.say(&format!(r#"{{"pattern":"{pattern}","data":{data},"id":1}}"#))
                .await;
            for _ in 0..frames {
                peer.take_text().await;
            }
        }
        // No new label: a pattern that is spelled otherwise is the same pattern.
        peer.say(r#"{"pattern":"\u0073um","data":[],"id":1}"#).await;
        peer.take_text().await;
        peer.say(r#"{"pattern":"note","data":0}"#).await;
        peer.say(r#"{"pattern":"never","data":0,"id":1}"#).await;
        peer.expect_silence().await;
        counts.assert(&[
            ("nest_wire_server_connections_open", 1.0),
            (r#"nest_wire_server_requests_in_flight{pattern="never"}"#, 1.0),
        ]);
    })
    .await
    .expect("served");
    counts.assert(&[
        (r#"nest_wire_server_requests_total{pattern="sum",outcome="ok"}"#, 3.0),
        (
            r#"nest_wire_server_requests_total{pattern="sum",outcome="rejected"}"#,
            1.0,
        ),
        (r#"nest_wire_server_requests_total{pattern="later",outcome="ok"}"#, 1.0),
        (
            r#"nest_wire_server_requests_total{pattern="fails",outcome="error"}"#,
            1.0,
        ),
        (
            r#"nest_wire_server_requests_total{pattern="panics",outcome="panicked"}"#,
            1.0,
        ),
        (
            r#"nest_wire_server_requests_total{pattern="streams",outcome="ok"}"#,
            1.0,
        ),
        (
            r#"nest_wire_server_requests_total{pattern="breaks",outcome="error"}"#,
            1.0,
        ),
        (
            r#"nest_wire_server_requests_total{pattern="never",outcome="cancelled"}"#,
            1.0,
        ),
        (r#"nest_wire_server_requests_total{pattern="note",outcome="ok"}"#, 1.0),
        (
            r#"nest_wire_server_requests_total{pattern="(other)",outcome="no_handler"}"#,
            2.0,
        ),
        (r#"nest_wire_server_request_duration_seconds_count{pattern="sum"}"#, 4.0),
        (r#"nest_wire_server_requests_in_flight{pattern="sum"}"#, 0.0),
        (r#"nest_wire_server_requests_in_flight{pattern="never"}"#, 0.0),
        ("nest_wire_server_connections_total", 1.0),
        ("nest_wire_server_connections_open", 0.0),
    ]);
    let page = counts.page.render();
    assert!(!page.contains("whatever"), "a caller's words are no labels: {page}");
}

#[tokio::test(start_paused = true)]
async fn a_reply_that_is_passed_on_counts_as_what_it_says() {
    let counts = Counts::start();
    let theirs = |text: &'static str| {
        let packet = ReplyPacket::new(text).expect("JSON").expect("it has an id");
        ReplyItems::new(stream::iter([ReplyItem::Packet(packet)]))
    };
    let router = Router::new()
        .message("well", async move || {
            theirs(r#"{"response":1,"isDisposed":true,"id":"a"}"#)
        })
        .message("failed", async move || {
            theirs(r#"{"err":"no","isDisposed":true,"id":"a"}"#)
        })
        .message("nobody", async || ReplyItems::new(stream::iter([ReplyItem::NoHandler])));
    converse(router, async |mut peer| {
        for pattern in ["well", "failed", "nobody"] {
            peer.say(&format!(r#"{{"pattern":"{pattern}","data":0,"id":1}}"#)).await;
            peer.take_text().await;
        }
    })
    .await
    .expect("served");
    counts.assert(&[
        (r#"nest_wire_server_requests_total{pattern="well",outcome="ok"}"#, 1.0),
        (
            r#"nest_wire_server_requests_total{pattern="failed",outcome="error"}"#,
            1.0,
        ),
        (
            r#"nest_wire_server_requests_total{pattern="nobody",outcome="no_handler"}"#,
            1.0,
        ),
    ]);
}

#[tokio::test(start_paused = true)]
async fn a_service_counts_what_it_refuses_past_its_limits() {
    let counts = Counts::start();
    let release = Arc::new(Notify::new());
    let released = Arc::clone(&release);
    let router = Router::new()
        .message("slow", async move || released.notified().await)
        .message("ping", async || "pong")
        .event("note", async || ());
    let (arrivals, listener) = arrivals();
    let limits = Limits::default().max_connections(1).max_in_flight(1);
    let running = tokio::spawn(serve(listener, router).limits(limits).into_future());

    let mut peer = arrivals.arrive();
    peer.say(r#"{"pattern":"slow","data":0,"id":1}"#).await;
    peer.say(r#"{"pattern":"ping","data":0,"id":2}"#).await;
    peer.hear(r#"{"err":{"status":"error","message":"too many requests in flight"},"isDisposed":true,"id":2}"#)
        .await;
    peer.say(r#"{"pattern":"note","data":0}"#).await;
    // Before any call: a connection that exceeds the limit.
    let mut turned_away = arrivals.arrive();
    turned_away.say(r#"{"pattern":"ping","data":0,"id":3}"#).await;
    turned_away
        .hear(r#"{"err":{"status":"error","message":"too many connections"},"isDisposed":true,"id":3}"#)
        .await;
    release.notify_one();
    peer.hear(r#"{"isDisposed":true,"id":1}"#).await;
    settle().await;
    counts.assert(&[
        (
            r#"nest_wire_server_requests_total{pattern="ping",outcome="refused"}"#,
            1.0,
        ),
        (
            r#"nest_wire_server_requests_total{pattern="note",outcome="refused"}"#,
            1.0,
        ),
        (r#"nest_wire_server_requests_total{pattern="slow",outcome="ok"}"#, 1.0),
        // A rejected request never was in flight, and took no time.
        (r#"nest_wire_server_requests_in_flight{pattern="slow"}"#, 0.0),
        ("nest_wire_server_connections_refused_total", 1.0),
        ("nest_wire_server_connections_total", 1.0),
    ]);
    let page = counts.page.render();
    assert!(!page.contains(r#"in_flight{pattern="ping"}"#), "{page}");
    running.abort();
}

#[tokio::test(start_paused = true)]
async fn a_service_counts_the_connections_that_a_limit_ends() {
    let counts = Counts::start();
    let limited = |limits: Limits| {
        let (arrivals, listener) = arrivals();
        let unread = TransportConfig::default().max_send_buffer_size(1000);
        let router = router().message("large", async || "x".repeat(10_000_000));
        let serving = serve(listener, router).limits(limits).transport(unread);
        (arrivals, tokio::spawn(serving.into_future()))
    };
    let minute = Duration::from_secs(60);
    let (idle, idle_service) = limited(Limits::default().idle_timeout(minute));
    idle.arrive().expect_end().await;
    let mut stalled = idle.arrive();
    stalled.send("x#").await;
    tokio::time::sleep(2 * minute).await;
    let (old, old_service) = limited(Limits::default().max_age(minute));
    old.arrive().expect_end().await;
    let mut unread = old.arrive();
    unread.say(r#"{"pattern":"large","data":0,"id":1}"#).await;
    settle().await;
    counts.assert(&[
        (
            r#"nest_wire_server_connections_limited_total{limit="idle_timeout"}"#,
            2.0,
        ),
        (r#"nest_wire_server_connections_limited_total{limit="max_age"}"#, 1.0),
        (
            r#"nest_wire_server_connections_limited_total{limit="max_send_buffer_size"}"#,
            1.0,
        ),
        ("nest_wire_server_connections_open", 0.0),
    ]);
    idle_service.abort();
    old_service.abort();
}

#[tokio::test(start_paused = true)]
async fn a_service_counts_bytes_and_what_breaks_the_framing() {
    let counts = Counts::start();
    converse(router(), async |mut peer| {
        peer.send(r#"35#{"pattern":"sum","data":[1],"id":1}"#).await;
        peer.hear(r#"{"response":1,"isDisposed":true,"id":1}"#).await;
        peer.send("x#").await;
        peer.expect_end().await;
    })
    .await
    .expect("it goes on until the peer closes");
    converse(router(), async |mut peer| {
        peer.send("1#{").await;
        peer.expect_end().await;
    })
    .await
    .expect("it goes on until the peer closes");
    converse(router(), async |mut peer| {
        peer.send("9#{").await;
        peer.half_close().await;
        peer.expect_end().await;
    })
    .await
    .expect("it closes");
    converse(router(), async |mut peer| {
        peer.send("9#{").await;
        peer.expect_end().await;
    })
    .await
    .expect_err("it was cut");
    counts.assert(&[
        ("nest_wire_server_received_bytes_total", 38.0 + 2.0 + 3.0 + 3.0 + 3.0),
        ("nest_wire_server_sent_bytes_total", 42.0),
        (r#"nest_wire_server_frame_errors_total{reason="framing"}"#, 1.0),
        (r#"nest_wire_server_frame_errors_total{reason="packet"}"#, 1.0),
        (r#"nest_wire_server_frame_errors_total{reason="cut"}"#, 1.0),
        (r#"nest_wire_server_frame_errors_total{reason="incomplete"}"#, 1.0),
    ]);
}
