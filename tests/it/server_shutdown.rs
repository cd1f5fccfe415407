//! How a service ends: what it still answers, how long that may take, what it says of it.

use std::time::Duration;

use nest_wire::server::{Ending, Router, serve, serve_connection};
use tokio::{
    io::duplex,
    sync::oneshot,
    task::JoinHandle,
    time::{Instant, sleep},
};

use crate::support::{Arrivals, Peer, arrivals, settle};

const SLOW: &str = r#"{"pattern":"slow","data":0,"id":2}"#;
const SLOWED: &str = r#"{"response":"slow","isDisposed":true,"id":2}"#;
/// Of `slow`.
const WORK: Duration = Duration::from_secs(10);
const DRAIN_TIMEOUT: Duration = Duration::from_secs(30);

/// A running service, and what tells it to stop, once and again.
struct Service {
    arrivals: Arrivals,
    stop: oneshot::Sender<()>,
    force: oneshot::Sender<()>,
    running: JoinHandle<Ending>,
}

fn router() -> Router {
    Router::new()
        .message("slow", async || {
            sleep(WORK).await;
            "slow"
        })
        .message("stuck", async || std::future::pending::<()>().await)
        .message("big", async || "x".repeat(100_000))
}

impl Service {
    fn start() -> Self {
        let (arrivals, listener) = arrivals();
        let ((stop, stopped), (force, forced)) = (oneshot::channel(), oneshot::channel());
        let serving = serve(listener, router())
            .drain_timeout(DRAIN_TIMEOUT)
            .with_graceful_shutdown(async { stopped.await.expect("told") })
            .with_forced_shutdown(async {
                // Never told: never forced.
                if forced.await.is_err() {
                    std::future::pending::<()>().await;
                }
            });
        Self {
            arrivals,
            stop,
            force,
            running: tokio::spawn(serving.into_future()),
        }
    }
}

async fn asked(peer: &mut Peer, request: &str) {
    peer.say(request).await;
    settle().await;
}

async fn hear_big(peer: &mut Peer) {
    let reply = format!(r#"{{"response":"{}","isDisposed":true,"id":3}}"#, "x".repeat(100_000));
    peer.hear(&reply).await;
}

const STUCK: &str = r#"{"pattern":"stuck","data":0,"id":1}"#;
const BIG: &str = r#"{"pattern":"big","data":0,"id":3}"#;

#[tokio::test(start_paused = true)]
async fn a_service_that_answered_all_says_so() {
    let service = Service::start();
    let (mut idle, mut busy) = (service.arrivals.arrive(), service.arrivals.arrive());
    asked(&mut busy, SLOW).await;
    let start = Instant::now();
    service.stop.send(()).expect("it runs");
    idle.expect_end().await;
    assert!(start.elapsed() < Duration::from_millis(10));
    busy.hear(SLOWED).await;
    busy.expect_end().await;
    drop((idle, busy));
    assert_eq!(service.running.await.expect("no panic"), Ending::Drained);
    assert!(start.elapsed() <= WORK);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_finished_in_time_is_cut_and_told() {
    let service = Service::start();
    let (mut stuck, mut idle) = (service.arrivals.arrive(), service.arrivals.arrive());
    asked(&mut stuck, STUCK).await;
    let start = Instant::now();
    service.stop.send(()).expect("it runs");
    idle.expect_end().await;
    drop(idle);
    let ending = service.running.await.expect("no panic");
    assert_eq!(ending, Ending::Cut { connections: 1 });
    assert_eq!(start.elapsed().as_secs(), DRAIN_TIMEOUT.as_secs());
    stuck.expect_end().await;
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_does_not_read_holds_up_a_shutdown_until_the_deadline_only() {
    let service = Service::start();
    let mut deaf = service.arrivals.arrive();
    asked(&mut deaf, BIG).await;
    let start = Instant::now();
    service.stop.send(()).expect("it runs");
    let ending = service.running.await.expect("no panic");
    assert_eq!(ending, Ending::Cut { connections: 1 });
    assert_eq!(start.elapsed().as_secs(), DRAIN_TIMEOUT.as_secs());
}

#[tokio::test(start_paused = true)]
async fn a_second_signal_cuts_the_waiting_short() {
    let service = Service::start();
    let mut stuck = service.arrivals.arrive();
    asked(&mut stuck, STUCK).await;
    let start = Instant::now();
    service.stop.send(()).expect("it runs");
    stuck.expect_silence().await;
    service.force.send(()).expect("it drains");
    let ending = service.running.await.expect("no panic");
    assert_eq!(ending, Ending::Cut { connections: 1 });
    assert!(start.elapsed() < Duration::from_secs(1));
    stuck.expect_end().await;
}

#[tokio::test(start_paused = true)]
async fn what_has_arrived_before_the_signal_is_answered_though_it_was_not_yet_read() {
    let service = Service::start();
    let mut peer = service.arrivals.arrive();
    // The answer is not taken, so what comes next is left unread.
    asked(&mut peer, BIG).await;
    asked(&mut peer, BIG).await;
    asked(&mut peer, SLOW).await;
    service.stop.send(()).expect("it runs");
    settle().await;
    hear_big(&mut peer).await;
    hear_big(&mut peer).await;
    // What comes now is too late.
    peer.say(SLOW).await;
    peer.hear(SLOWED).await;
    peer.expect_end().await;
    drop(peer);
    assert_eq!(service.running.await.expect("no panic"), Ending::Drained);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_arrives_with_the_signal_is_answered() {
    let service = Service::start();
    let mut peer = service.arrivals.arrive();
    settle().await;
    service.stop.send(()).expect("it runs");
    peer.say(SLOW).await;
    peer.hear(SLOWED).await;
    peer.expect_end().await;
}

#[tokio::test(start_paused = true)]
async fn one_link_can_be_told_to_stop_too() {
    let (theirs, ours) = duplex(4096);
    let (stop, stopped) = oneshot::channel::<()>();
    let serving =
        serve_connection(ours, router().into_routes()).with_graceful_shutdown(async { stopped.await.expect("told") });
    let served = tokio::spawn(serving.into_future());
    let mut peer = Peer::new(theirs);
    asked(&mut peer, SLOW).await;
    stop.send(()).expect("it is served");
    settle().await;
    peer.say(SLOW).await;
    peer.hear(SLOWED).await;
    peer.expect_end().await;
    drop(peer);
    served.await.expect("no panic").expect("served");
}
