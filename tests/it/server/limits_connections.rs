//! Limits on the number of connections of a service.

use std::time::Duration;

use nest_wire::server::{Limits, Router, ShutdownOutcome, listen::Incoming, serve};
use tokio::{task::JoinHandle, time::Instant};

use crate::support::{Arrivals, Peer, arrivals, settle};

const PING: &str = r#"{"pattern":"ping","data":0,"id":1}"#;
const PONG: &str = r#"{"response":"pong","isDisposed":true,"id":1}"#;
const FULL: &str = r#"{"err":{"status":"error","message":"too many connections"},"isDisposed":true,"id":1}"#;
const FULL_OF_YOU: &str =
    r#"{"err":{"status":"error","message":"too many connections from this address"},"isDisposed":true,"id":1}"#;

struct Service {
    arrivals: Arrivals,
    running: JoinHandle<ShutdownOutcome>,
}

impl Service {
    fn start(limits: Limits) -> Self {
        let (arrivals, listener) = arrivals();
        let router = Router::new().message("ping", async || "pong");
        let running = tokio::spawn(serve(listener, router).limits(limits).into_future());
        Self { arrivals, running }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.running.abort();
    }
}

async fn is_served(peer: &mut Peer) {
    peer.say(PING).await;
    peer.hear(PONG).await;
}

async fn is_refused(mut peer: Peer, answer: &str) {
    peer.say(PING).await;
    peer.hear(answer).await;
    peer.expect_end().await;
}

#[tokio::test(start_paused = true)]
async fn as_many_connections_as_allowed_are_served_and_the_next_is_told_why_not() {
    let service = Service::start(Limits::default().max_connections(2));
    let (mut first, mut second) = (service.arrivals.arrive(), service.arrivals.arrive());
    is_served(&mut first).await;
    is_served(&mut second).await;
    is_refused(service.arrivals.arrive(), FULL).await;
    is_served(&mut first).await;
    is_served(&mut second).await;
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_ends_in_whichever_way_makes_room() {
    let service = Service::start(Limits::default().max_connections(1));
    for way in 0..4 {
        let mut peer = service.arrivals.arrive();
        is_served(&mut peer).await;
        is_refused(service.arrivals.arrive(), FULL).await;
        match way {
            0 => {
                peer.half_close().await;
                peer.expect_end().await;
            }
            1 => peer.send("x#{}").await,
            2 => peer.say(PING).await,
            _ => {}
        }
        drop(peer);
        settle().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_handshake_that_fails_or_is_under_way_counts_as_long_as_it_lasts() {
    let service = Service::start(Limits::default().max_connections(1));
    let mut failing = service.arrivals.arrive_as(|io| {
        Incoming::new(io).and_then(async |_, _| {
            tokio::time::sleep(Duration::from_secs(10)).await;
            Err(std::io::ErrorKind::InvalidData.into())
        })
    });
    is_refused(service.arrivals.arrive(), FULL).await;
    failing.expect_end().await;
    is_served(&mut service.arrivals.arrive()).await;
}

#[tokio::test(start_paused = true)]
async fn one_address_cannot_take_what_others_need() {
    let service = Service::start(Limits::default().max_connections(3).max_connections_per_peer(2));
    let mut greedy = [1, 2].map(|port| service.arrivals.arrive_from(&format!("192.0.2.1:{port}")));
    for peer in &mut greedy {
        is_served(peer).await;
    }
    is_refused(service.arrivals.arrive_from("192.0.2.1:3"), FULL_OF_YOU).await;
    let mut other = service.arrivals.arrive_from("192.0.2.2:1");
    is_served(&mut other).await;
    is_refused(service.arrivals.arrive_from("192.0.2.3:1"), FULL).await;
    drop(greedy);
    settle().await;
    is_served(&mut service.arrivals.arrive_from("192.0.2.1:4")).await;
}

#[tokio::test(start_paused = true)]
async fn each_request_of_the_first_segment_is_told_and_no_handler_runs() {
    let service = Service::start(Limits::default().max_connections(1));
    let _only = service.arrivals.arrive();
    let mut refused = service.arrivals.arrive();
    let event = r#"14#{"data":"odd"}17#{"pattern":"log"}"#;
    let other = r#"{"pattern":"ping","data":0,"id":"b"}"#;
    refused.send(format!("{event}34#{PING}{}#{other}", other.len())).await;
    refused.hear(FULL).await;
    refused.hear(&FULL.replace("\"id\":1", "\"id\":\"b\"")).await;
    refused.expect_end().await;
}

#[tokio::test(start_paused = true)]
async fn a_refused_connection_without_a_request_is_closed_soon() {
    let service = Service::start(Limits::default().max_connections(1));
    let _only = service.arrivals.arrive();
    let start = Instant::now();
    let mut silent = service.arrivals.arrive();
    silent.expect_silence().await;
    silent.expect_end().await;
    assert!(start.elapsed() <= Duration::from_secs(1), "{:?}", start.elapsed());
    // Half a request does not count as a request, and a request that is too large is not read
    // before the close.
    let mut half = service.arrivals.arrive();
    half.send(&PING[..20]).await;
    half.expect_end().await;
    let mut large = service.arrivals.arrive();
    large.send("99999999#").await;
    large.expect_end().await;
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_refused_connections_is_cut_without_a_word() {
    const TOLD: usize = 64;
    let service = Service::start(Limits::default().max_connections(1));
    let mut only = service.arrivals.arrive();
    let told: Vec<_> = (0..TOLD).map(|_| service.arrivals.arrive()).collect();
    settle().await;
    let start = Instant::now();
    service.arrivals.arrive().expect_end().await;
    assert_eq!(start.elapsed(), Duration::ZERO, "at once");
    for peer in told {
        is_refused(peer, FULL).await;
    }
    is_refused(service.arrivals.arrive(), FULL).await;
    is_served(&mut only).await;
}
