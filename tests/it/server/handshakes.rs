//! Handshakes before a connection can be used: peers whose address a handshake reads, listeners and
//! handshakes that panic, and handshakes during a shutdown.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use nest_wire::server::{
    Context, Limits, Router, Serve, ShutdownOutcome,
    extract::Extension,
    listen::{Incoming, Listener},
    serve,
};
use tokio::{
    io::{AsyncReadExt, DuplexStream, duplex},
    sync::{Notify, mpsc},
    task::JoinHandle,
    time::{Instant, sleep},
};
use tracing::Level;

use crate::support::{Arrivals, Log, Peer, arrivals, settle};

const PING: &str = r#"{"pattern":"ping","data":0,"id":1}"#;
const PONG: &str = r#"{"response":"pong","isDisposed":true,"id":1}"#;
const WHO: &str = r#"{"pattern":"who","data":0,"id":1}"#;
const FULL_OF_YOU: &str =
    r#"{"err":{"status":"error","message":"too many connections from this address"},"isDisposed":true,"id":1}"#;
const BALANCER: &str = "10.0.0.1:4711";

fn router() -> Router {
    Router::new()
        .message("ping", async || "pong")
        .message("who", async |context: Context| {
            context.peer.map(|peer| peer.to_string())
        })
        .message(
            "badges",
            async |Extension(colour): Extension<&'static str>, Extension(number): Extension<u8>| {
                format!("{colour} {number}")
            },
        )
}

struct Service {
    arrivals: Arrivals,
    stop: Arc<Notify>,
    running: JoinHandle<ShutdownOutcome>,
}

impl Service {
    fn start(limits: Limits) -> Self {
        let (arrivals, listener) = arrivals();
        let stop = Arc::new(Notify::new());
        let stopped = Arc::clone(&stop).notified_owned();
        let serving = serve(listener, router()).limits(limits).with_graceful_shutdown(stopped);
        let running = tokio::spawn(serving.into_future());
        Self {
            arrivals,
            stop,
            running,
        }
    }

    /// Lets a caller arrive through a load balancer, whose first line will name it.
    fn arrive(&self) -> Peer {
        self.arrivals.arrive_as(|io| {
            Incoming::new(io)
                .with_peer(BALANCER.parse().expect("an address"))
                .with_handshake(named)
        })
    }
}

/// Reads an address and a line feed.
async fn named(mut io: DuplexStream) -> io::Result<Incoming<DuplexStream>> {
    let mut line = String::new();
    loop {
        match io.read_u8().await? {
            b'\n' => break,
            byte => line.push(byte.into()),
        }
    }
    let peer: Option<SocketAddr> = line.parse().ok();
    let accepted = Incoming::new(io);
    Ok(match peer {
        Some(peer) => accepted.with_peer(peer),
        None => accepted,
    })
}

async fn is_served(peer: &mut Peer) {
    peer.say(PING).await;
    peer.hear(PONG).await;
}

async fn is_served_as(peer: &mut Peer, address: &str) {
    peer.say(WHO).await;
    peer.hear(&format!(r#"{{"response":"{address}","isDisposed":true,"id":1}}"#))
        .await;
}

#[tokio::test(start_paused = true)]
async fn handlers_and_limits_see_the_peer_that_a_handshake_has_learnt() {
    let service = Service::start(Limits::default().max_connections_per_peer(1));
    let (mut one, mut other) = (service.arrive(), service.arrive());
    // Both handshakes are in progress, and both come from the balancer.
    settle().await;
    one.send("203.0.113.1:7\n").await;
    other.send("203.0.113.2:7\n").await;
    is_served_as(&mut one, "203.0.113.1:7").await;
    is_served_as(&mut other, "203.0.113.2:7").await;

    let mut again = service.arrive();
    again.send("203.0.113.1:8\n").await;
    again.say(PING).await;
    again.hear(FULL_OF_YOU).await;
    again.expect_end().await;
    is_served(&mut one).await;

    drop(one);
    settle().await;
    let mut next = service.arrive();
    next.send("203.0.113.1:9\n").await;
    is_served_as(&mut next, "203.0.113.1:9").await;
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_is_refused_after_its_handshake_leaves_its_place() {
    let limits = Limits::default().max_connections(2).max_connections_per_peer(1);
    let service = Service::start(limits);
    let mut one = service.arrive();
    one.send("203.0.113.1:7\n").await;
    is_served(&mut one).await;
    let mut refused = service.arrive();
    refused.send("203.0.113.1:8\n").await;
    settle().await;
    // The rejected connection is still open, but does not count.
    let mut other = service.arrive();
    other.send("203.0.113.2:7\n").await;
    is_served(&mut other).await;
    refused.say(PING).await;
    refused.hear(FULL_OF_YOU).await;
}

#[tokio::test(start_paused = true)]
async fn a_handshake_that_learns_nothing_leaves_the_peer_as_it_was() {
    let service = Service::start(Limits::default().max_connections_per_peer(1));
    let mut peer = service.arrive();
    peer.send("UNKNOWN\n").await;
    is_served_as(&mut peer, BALANCER).await;
    let mut second = service.arrive();
    second.send("UNKNOWN\n").await;
    second.say(PING).await;
    second.hear(FULL_OF_YOU).await;
}

#[tokio::test(start_paused = true)]
async fn handshakes_follow_each_other_and_keep_what_was_learnt_before() {
    let service = Service::start(Limits::default());
    let address = |text: &str| text.parse::<SocketAddr>().expect("an address");
    let made: [fn(DuplexStream) -> Incoming<DuplexStream>; 3] = [
        |io| {
            Incoming::new(io)
                .with_extension("blue")
                .with_handshake(async |io| Ok(named(io).await?.with_extension(7_u8)))
                .and_then(async |io, extensions| Ok((io, extensions)))
        },
        |io| {
            Incoming::new(io)
                .and_then(async |io, extensions| Ok((io, extensions)))
                .with_handshake(async |io| {
                    let accepted = Incoming::new(io).with_extension("blue");
                    Ok(accepted.with_handshake(async |io| Ok(named(io).await?.with_extension(7_u8))))
                })
        },
        |io| {
            Incoming::new(io)
                .with_handshake(named)
                .with_handshake(async |io| Ok(Incoming::new(io).with_extension(7_u8)))
                .with_extension("blue")
        },
    ];
    for accepted in made {
        let balancer = address(BALANCER);
        let mut peer = service.arrivals.arrive_as(|io| accepted(io).with_peer(balancer));
        peer.send("203.0.113.1:7\n").await;
        is_served_as(&mut peer, "203.0.113.1:7").await;
        peer.say(r#"{"pattern":"badges","data":0,"id":1}"#).await;
        peer.hear(r#"{"response":"blue 7","isDisposed":true,"id":1}"#).await;
    }
}

#[tokio::test(start_paused = true)]
async fn the_span_of_a_connection_names_the_peer_that_its_handshake_has_learnt() {
    let log = Log::of(Level::DEBUG);
    let service = Service::start(Limits::default());
    let mut peer = service.arrive();
    peer.send("203.0.113.1:7\n").await;
    is_served(&mut peer).await;
    drop(peer);
    settle().await;
    let line = log.line_with("disconnected");
    assert!(line.contains("network.peer.address=203.0.113.1"), "{line}");
    assert!(!log.text().contains("10.0.0.1"), "{}", log.text());
}

#[tokio::test(start_paused = true)]
async fn a_handshake_that_panics_ends_its_connection_alone_and_is_logged_as_the_listeners() {
    let log = Log::of(Level::WARN);
    let service = Service::start(Limits::default());
    let mut good = service.arrivals.arrive();
    let mut bad = service.arrivals.arrive_as(|io| {
        Incoming::new(io)
            .with_peer(BALANCER.parse().expect("an address"))
            .and_then(async |_, _| panic!("oh no"))
    });
    bad.expect_end().await;
    is_served(&mut good).await;
    let line = log.line_with("oh no");
    assert!(line.contains("the listener's handshake panicked"), "{line}");
    assert!(line.contains(BALANCER), "{line}");
    assert!(!log.text().contains("bug"), "{}", log.text());
}

/// Accepts pending connections; panics when the test says so.
struct Panicking(mpsc::UnboundedReceiver<Option<DuplexStream>>);

impl Listener for Panicking {
    type Io = DuplexStream;

    async fn accept(&mut self) -> io::Result<Incoming<DuplexStream>> {
        let io = self.0.recv().await.expect("the test goes on");
        Ok(Incoming::new(io.expect("oh no")))
    }
}

/// Panics before it returns a future.
struct PanickingEarly(Panicking);

impl Listener for PanickingEarly {
    type Io = DuplexStream;

    fn accept(&mut self) -> impl Future<Output = io::Result<Incoming<DuplexStream>>> + Send {
        let io = self.0.0.try_recv();
        let io = io.map(|io| io.expect("oh no"));
        async move {
            match io {
                Ok(io) => Ok(Incoming::new(io)),
                Err(_) => self.0.accept().await,
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_listener_that_panics_is_asked_again_after_a_second_and_its_connections_live_on() {
    async fn check<L: Listener, F: Future<Output = ()> + Send + 'static>(
        arrivals: mpsc::UnboundedSender<Option<DuplexStream>>,
        service: Serve<L, F>,
    ) {
        let log = Log::of(Level::WARN);
        let running = tokio::spawn(service.into_future());
        let arrive = || {
            let (ours, theirs) = duplex(4096);
            arrivals.send(Some(ours)).expect("it listens");
            Peer::new(theirs)
        };
        let mut before = arrive();
        is_served(&mut before).await;
        arrivals.send(None).expect("it listens");
        settle().await;
        let start = Instant::now();
        let mut after = arrive();
        is_served(&mut before).await;
        is_served(&mut after).await;
        assert!(start.elapsed() > Duration::from_millis(900), "{:?}", start.elapsed());
        let line = log.line_with("oh no");
        assert!(
            line.contains("ERROR") && line.contains("the listener panicked"),
            "{line}"
        );
        running.abort();
    }
    let (arrivals, listener) = mpsc::unbounded_channel();
    check(arrivals, serve(Panicking(listener), router())).await;
    let (arrivals, listener) = mpsc::unbounded_channel();
    check(arrivals, serve(PanickingEarly(Panicking(listener)), router())).await;
}

#[tokio::test(start_paused = true)]
async fn a_caller_whose_handshake_meets_the_shutdown_is_still_answered() {
    let service = Service::start(Limits::default());
    let mut caller = service.arrive();
    settle().await;
    service.stop.notify_one();
    settle().await;
    caller.send("203.0.113.1:7\n").await;
    is_served(&mut caller).await;
    caller.expect_end().await;
    assert_eq!(service.running.await.expect("no panic"), ShutdownOutcome::Drained);
}

#[tokio::test(start_paused = true)]
async fn neither_a_handshake_that_never_ends_nor_a_refusal_holds_up_a_shutdown() {
    let service = Service::start(Limits::default().max_connections(1));
    let mut slow = service.arrive();
    settle().await;
    let mut refused = service.arrivals.arrive();
    let mut refused_early = service.arrivals.arrive_as(|io| {
        Incoming::new(io).and_then(async |io, extensions| {
            sleep(Duration::from_secs(600)).await;
            Ok((io, extensions))
        })
    });
    settle().await;
    let start = Instant::now();
    service.stop.notify_one();
    let ending = service.running.await.expect("no panic");
    assert_eq!(
        (ending, start.elapsed()),
        (ShutdownOutcome::Drained, Duration::from_secs(1))
    );
    slow.expect_end().await;
    refused.expect_end().await;
    refused_early.expect_end().await;
}

#[tokio::test(start_paused = true)]
async fn handshakes_that_fail_in_numbers_are_logged_once_a_second() {
    let log = Log::of(Level::WARN);
    let service = Service::start(Limits::default());
    for _ in 0..20 {
        let failing = service.arrivals.arrive_as(|io| {
            Incoming::new(io).with_handshake(async |_: DuplexStream| {
                Err::<Incoming<DuplexStream>, _>(io::Error::new(io::ErrorKind::InvalidData, "no handshake"))
            })
        });
        settle().await;
        drop(failing);
    }
    assert_eq!(log.text().matches("the handshake failed").count(), 1, "{}", log.text());
}
