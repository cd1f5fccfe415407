//! Sources of connections: errors of the system, handshakes, and what handlers receive about a
//! connection.

use std::{io, sync::Arc, time::Duration};

use nest_wire::server::{Context, Router, ShutdownOutcome, extract::Extension, listen::Incoming, serve};
use tokio::{io::DuplexStream, task::JoinHandle, time::Instant};

use crate::support::{Arrivals, arrivals, settle};

const PING: &str = r#"{"pattern":"ping","data":0,"id":1}"#;
const PONG: &str = r#"{"response":"pong","isDisposed":true,"id":1}"#;
const PAUSE: Duration = Duration::from_secs(1);

/// The control of a listener, and a service on it that runs until it is dropped.
struct Service {
    arrivals: Arrivals,
    running: JoinHandle<ShutdownOutcome>,
}

impl Service {
    fn start() -> Self {
        let (arrivals, listener) = arrivals();
        let router = Router::new()
            .message("ping", async || "pong")
            .message("peer", async |context: Context| {
                context.peer.map(|peer| peer.to_string())
            })
            .message("badge", async |Extension(badge): Extension<&'static str>| badge);
        let running = tokio::spawn(serve(listener, router).into_future());
        Self { arrivals, running }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.running.abort();
    }
}

fn out_of_descriptors() -> io::Error {
    const EMFILE: i32 = 24;
    io::Error::from_raw_os_error(EMFILE)
}

#[tokio::test(start_paused = true)]
async fn after_a_refusal_nobody_is_accepted_for_a_second_whoever_leaves_meanwhile() {
    let service = Service::start();
    let mut leaving = Vec::new();
    for _ in 0..9 {
        let mut peer = service.arrivals.arrive();
        peer.say(PING).await;
        peer.hear(PONG).await;
        leaving.push(peer);
    }
    service.arrivals.refuse(out_of_descriptors());
    settle().await;
    let refused = Instant::now();
    let mut waiting = service.arrivals.arrive();
    waiting.say(PING).await;
    for peer in leaving {
        // The end of a session interrupts the wait.
        drop(peer);
        waiting.expect_silence_of(PAUSE / 10).await;
    }
    waiting.hear(PONG).await;
    let waited = refused.elapsed();
    assert!((PAUSE * 9 / 10..PAUSE * 11 / 10).contains(&waited), "{waited:?}");
}

#[tokio::test(start_paused = true)]
async fn one_router_may_be_served_in_several_places() {
    let router = Router::new().message("ping", async || "pong");
    let routes = router.clone().into_routes();
    let (one, first) = arrivals();
    let (other, second) = arrivals();
    let (third, copied) = arrivals();
    let running = [
        tokio::spawn(serve(first, Arc::clone(&routes)).into_future()),
        tokio::spawn(serve(second, routes).into_future()),
        tokio::spawn(serve(copied, router).into_future()),
    ];
    for arrivals in [one, other, third] {
        let mut peer = arrivals.arrive();
        peer.say(PING).await;
        peer.hear(PONG).await;
    }
    for service in running {
        service.abort();
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_fails_before_it_is_accepted_holds_up_no_other() {
    let service = Service::start();
    let start = Instant::now();
    for kind in [
        io::ErrorKind::ConnectionAborted,
        io::ErrorKind::ConnectionRefused,
        io::ErrorKind::ConnectionReset,
    ] {
        service.arrivals.refuse(kind.into());
    }
    let mut peer = service.arrivals.arrive();
    peer.say(PING).await;
    peer.hear(PONG).await;
    assert!(start.elapsed() < PAUSE);
}

#[tokio::test(start_paused = true)]
async fn a_handshake_holds_up_no_other_connection() {
    let service = Service::start();
    let mut slow = service.arrivals.arrive_as(|io| {
        Incoming::new(io).and_then(async |io, extensions| {
            tokio::time::sleep(PAUSE).await;
            Ok((io, extensions))
        })
    });
    let mut quick = service.arrivals.arrive();
    slow.say(PING).await;
    quick.say(PING).await;
    quick.hear(PONG).await;
    slow.expect_silence().await;
    slow.hear(PONG).await;
}

#[tokio::test(start_paused = true)]
async fn a_handshake_that_fails_ends_its_connection_alone() {
    let service = Service::start();
    let mut good = service.arrivals.arrive();
    let mut bad = service
        .arrivals
        .arrive_as(|io| Incoming::new(io).and_then(async |_, _| Err(io::ErrorKind::InvalidData.into())));
    bad.expect_end().await;
    good.say(PING).await;
    good.hear(PONG).await;
}

#[tokio::test(start_paused = true)]
async fn handlers_learn_what_the_listener_knows_of_a_connection() {
    let service = Service::start();
    let address = "192.0.2.7:4711".parse().expect("an address");
    let accepted: [fn(DuplexStream) -> Incoming<DuplexStream>; 2] = [
        |io| Incoming::new(io).with_extension("blue"),
        |io| {
            Incoming::new(io)
                .and_then(async |io, extensions| Ok((io, extensions)))
                .with_extension("blue")
        },
    ];
    for as_what in accepted {
        let mut peer = service.arrivals.arrive_as(|io| as_what(io).with_peer(address));
        peer.say(r#"{"pattern":"peer","data":0,"id":1}"#).await;
        peer.hear(r#"{"response":"192.0.2.7:4711","isDisposed":true,"id":1}"#)
            .await;
        peer.say(r#"{"pattern":"badge","data":0,"id":1}"#).await;
        peer.hear(r#"{"response":"blue","isDisposed":true,"id":1}"#).await;
    }
    let mut nobody = service.arrivals.arrive();
    nobody.say(r#"{"pattern":"peer","data":0,"id":1}"#).await;
    nobody.hear(r#"{"response":null,"isDisposed":true,"id":1}"#).await;
}
