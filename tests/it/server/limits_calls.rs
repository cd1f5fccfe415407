//! Limits on the calls in flight, per connection and in total.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::SeqCst},
    },
    time::Duration,
};

use futures_util::stream;
use nest_wire::server::{Limits, ReplyStream, Router, ShutdownOutcome, State, handler::Handler, serve};
use tokio::{sync::Notify, task::JoinHandle, time::sleep};
use tower::timeout::TimeoutLayer;

use crate::support::{Arrivals, Peer, arrivals, settle};

/// A running service. `slow` and the event `slow-event` wait to be released.
struct Service {
    arrivals: Arrivals,
    release: Arc<Notify>,
    /// Number of handlers of `slow-event` that have begun.
    events: Arc<AtomicU32>,
    running: JoinHandle<ShutdownOutcome>,
}

type Shared = (Arc<Notify>, Arc<AtomicU32>);

impl Service {
    fn start(limits: Limits) -> Self {
        let (release, events) = Shared::default();
        let router = Router::new()
            .message("ping", async || "pong")
            .message("slow", async |State((release, _)): State<Shared>| {
                release.notified().await;
                "slow"
            })
            .event("slow-event", async |State((release, events)): State<Shared>| {
                events.fetch_add(1, SeqCst);
                release.notified().await;
            })
            .message("endless", async || ReplyStream::new(stream::pending::<u8>()))
            .event("some", async || {
                ReplyStream::new(stream::once(async { sleep(Duration::from_secs(9)).await }))
            })
            .message("panic", async || -> u8 {
                sleep(Duration::from_secs(1)).await;
                panic!("on purpose")
            })
            .with_state((Arc::clone(&release), Arc::clone(&events)));
        let (arrivals, listener) = arrivals();
        let running = tokio::spawn(serve(listener, router).limits(limits).into_future());
        Self {
            arrivals,
            release,
            events,
            running,
        }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.running.abort();
    }
}

async fn ask(peer: &mut Peer, pattern: &str) {
    peer.say(&format!(r#"{{"pattern":"{pattern}","data":0,"id":1}}"#)).await;
}

async fn emit(peer: &mut Peer, pattern: &str) {
    peer.say(&format!(r#"{{"pattern":"{pattern}","data":0}}"#)).await;
}

async fn is_answered(peer: &mut Peer, answer: &str) {
    peer.hear(&format!(r#"{{"response":"{answer}","isDisposed":true,"id":1}}"#))
        .await;
}

async fn is_refused(peer: &mut Peer, why: &str) {
    ask(peer, "ping").await;
    peer.hear(&format!(
        r#"{{"err":{{"status":"error","message":"{why}"}},"isDisposed":true,"id":1}}"#
    ))
    .await;
}

async fn is_served(peer: &mut Peer) {
    ask(peer, "ping").await;
    is_answered(peer, "pong").await;
}

const HERE: &str = "too many requests in flight on this connection";
const IN_ALL: &str = "too many requests in flight";

#[tokio::test(start_paused = true)]
async fn a_connection_may_have_so_many_in_flight_and_hears_of_each_past_that() {
    let service = Service::start(Limits::default().max_in_flight_per_connection(2));
    let (mut busy, mut other) = (service.arrivals.arrive(), service.arrivals.arrive());
    ask(&mut busy, "slow").await;
    is_served(&mut busy).await;
    ask(&mut busy, "slow").await;
    is_refused(&mut busy, HERE).await;
    is_refused(&mut busy, HERE).await;
    is_served(&mut other).await;
    service.release.notify_one();
    is_answered(&mut busy, "slow").await;
    is_served(&mut busy).await;
}

#[tokio::test(start_paused = true)]
async fn an_event_past_the_limit_does_not_run() {
    let service = Service::start(Limits::default().max_in_flight_per_connection(2));
    let mut peer = service.arrivals.arrive();
    for _ in 0..3 {
        emit(&mut peer, "slow-event").await;
    }
    is_refused(&mut peer, HERE).await;
    assert_eq!(service.events.load(SeqCst), 2);
    service.release.notify_one();
    settle().await;
    is_served(&mut peer).await;
    emit(&mut peer, "slow-event").await;
    settle().await;
    assert_eq!(service.events.load(SeqCst), 3);
}

#[tokio::test(start_paused = true)]
async fn a_pattern_without_a_handler_is_told_so_whatever_is_in_flight() {
    let service = Service::start(Limits::default().max_in_flight_per_connection(1));
    let mut peer = service.arrivals.arrive();
    ask(&mut peer, "slow").await;
    ask(&mut peer, "nobody").await;
    let error = "There is no matching message handler defined in the remote service.";
    peer.hear(&format!(r#"{{"id":1,"status":"error","err":"{error}"}}"#))
        .await;
}

#[tokio::test(start_paused = true)]
async fn all_connections_share_what_may_be_in_flight() {
    let service = Service::start(Limits::default().max_in_flight(2));
    let (mut first, mut second) = (service.arrivals.arrive(), service.arrivals.arrive());
    ask(&mut first, "slow").await;
    is_served(&mut second).await;
    emit(&mut second, "slow-event").await;
    is_refused(&mut first, IN_ALL).await;
    is_refused(&mut second, IN_ALL).await;
    service.release.notify_waiters();
    is_answered(&mut first, "slow").await;
    is_served(&mut first).await;
    is_served(&mut second).await;
}

#[tokio::test(start_paused = true)]
async fn a_stream_is_in_flight_until_it_ends_or_its_connection_does() {
    for limits in [
        Limits::default().max_in_flight(1),
        Limits::default().max_in_flight_per_connection(1).max_in_flight(1),
    ] {
        let service = Service::start(limits);
        let mut other = service.arrivals.arrive();
        let mut streaming = service.arrivals.arrive();
        ask(&mut streaming, "endless").await;
        settle().await;
        is_refused(&mut other, IN_ALL).await;
        drop(streaming);
        settle().await;
        is_served(&mut other).await;
        // The event has no receiver, but its stream is running.
        emit(&mut other, "some").await;
        let mut another = service.arrivals.arrive();
        settle().await;
        is_refused(&mut another, IN_ALL).await;
        sleep(Duration::from_secs(9)).await;
        is_served(&mut another).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_panic_makes_room() {
    let service = Service::start(Limits::default().max_in_flight(1).max_in_flight_per_connection(1));
    let mut peer = service.arrivals.arrive();
    for _ in 0..3 {
        ask(&mut peer, "panic").await;
        is_refused(&mut peer, HERE).await;
        peer.hear(r#"{"err":{"status":"error","message":"Internal server error"},"isDisposed":true,"id":1}"#)
            .await;
        is_served(&mut peer).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_handler_counts_in_all_though_its_caller_has_left() {
    let service = Service::start(Limits::default().max_in_flight(1));
    let mut leaving = service.arrivals.arrive();
    ask(&mut leaving, "slow").await;
    settle().await;
    drop(leaving);
    settle().await;
    let mut other = service.arrivals.arrive();
    is_refused(&mut other, IN_ALL).await;
    service.release.notify_one();
    settle().await;
    is_served(&mut other).await;
}

/// Counts the running handlers, including dropped ones.
struct AtWork(Arc<AtomicU32>);

impl AtWork {
    fn begin(count: &Arc<AtomicU32>) -> Self {
        count.fetch_add(1, SeqCst);
        Self(Arc::clone(count))
    }
}

impl Drop for AtWork {
    fn drop(&mut self) {
        self.0.fetch_sub(1, SeqCst);
    }
}

const TIMED_OUT: &str = "request timed out";

#[tokio::test(start_paused = true)]
async fn a_spawned_handler_that_a_layer_gives_up_ends_as_one_that_is_not_spawned() {
    let at_work = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&at_work);
    let endless = async move || {
        let _at_work = AtWork::begin(&counted);
        std::future::pending::<()>().await;
    };
    let layer = TimeoutLayer::new(Duration::from_secs(1));
    let router = Router::new()
        .message("ping", async || "pong")
        .message("endless", endless.spawned().layer(layer));
    let (arrivals, listener) = arrivals();
    let limits = Limits::default().max_in_flight_per_connection(1);
    let running = tokio::spawn(serve(listener, router).limits(limits).into_future());
    let mut peer = arrivals.arrive();
    ask(&mut peer, "endless").await;
    settle().await;
    assert_eq!(at_work.load(SeqCst), 1);
    is_refused(&mut peer, HERE).await;
    peer.hear(&format!(
        r#"{{"err":{{"status":"error","message":"{TIMED_OUT}"}},"isDisposed":true,"id":1}}"#
    ))
    .await;
    settle().await;
    assert_eq!(at_work.load(SeqCst), 0);
    is_served(&mut peer).await;
    running.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_spawned_handler_that_computes_counts_until_its_end_though_a_layer_gives_it_up() {
    for (limits, why) in [
        (Limits::default().max_in_flight_per_connection(1), HERE),
        (Limits::default().max_in_flight(1), IN_ALL),
    ] {
        let (release, released) = std::sync::mpsc::channel::<()>();
        let released = Arc::new(std::sync::Mutex::new(released));
        let computing = async move || {
            let _ = released.lock().expect("no panic").recv();
        };
        let layer = TimeoutLayer::new(Duration::from_millis(1));
        let router = Router::new()
            .message("ping", async || "pong")
            .message("compute", computing.spawned().layer(layer));
        let (arrivals, listener) = arrivals();
        let running = tokio::spawn(serve(listener, router).limits(limits).into_future());
        let mut peer = arrivals.arrive();
        ask(&mut peer, "compute").await;
        peer.hear(&format!(
            r#"{{"err":{{"status":"error","message":"{TIMED_OUT}"}},"isDisposed":true,"id":1}}"#
        ))
        .await;
        is_refused(&mut peer, why).await;
        release.send(()).expect("it waits");
        loop {
            ask(&mut peer, "ping").await;
            if peer.take_text().await.contains("pong") {
                break;
            }
        }
        running.abort();
    }
}
