//! The end of a service: the requests that it still answers, its maximum duration, and its outcome.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::SeqCst},
    },
    time::Duration,
};

use futures_util::stream;
use nest_wire::server::{ReplyStream, Router, ShutdownOutcome, State, serve, serve_connection};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, duplex},
    sync::{Mutex, oneshot},
    task::JoinHandle,
    time::{Instant, sleep},
};

use crate::support::{Arrivals, Peer, arrivals, frame, settle};

const SLOW: &str = r#"{"pattern":"slow","data":0,"id":2}"#;
const SLOWED: &str = r#"{"response":"slow","isDisposed":true,"id":2}"#;
/// Duration of `slow`.
const WORK: Duration = Duration::from_secs(10);
const DRAIN_TIMEOUT: Duration = Duration::from_secs(30);

#[derive(Clone)]
struct Shared {
    /// Number of times that `count` has run.
    events: Arc<AtomicU32>,
    /// Counts the calls of `locked`.
    locked: Arc<Mutex<u32>>,
}

/// A running service, with its signals to stop and to stop at once.
struct Service {
    arrivals: Arrivals,
    events: Arc<AtomicU32>,
    stop: oneshot::Sender<()>,
    force: oneshot::Sender<()>,
    running: JoinHandle<ShutdownOutcome>,
}

fn router(events: &Arc<AtomicU32>) -> Router {
    Router::new()
        .message("ping", async || "pong")
        .message("endless", async || ReplyStream::new(stream::pending::<u8>()))
        .event("count", async |State(shared): State<Shared>| {
            shared.events.fetch_add(1, SeqCst)
        })
        .message("locked", async |State(shared): State<Shared>| {
            let mut count = shared.locked.lock().await;
            *count += 1;
            *count
        })
        .message("slow", async || {
            sleep(WORK).await;
            "slow"
        })
        .message("stuck", async || std::future::pending::<()>().await)
        .message("big", async || "x".repeat(100_000))
        .with_state(Shared {
            events: Arc::clone(events),
            locked: Arc::default(),
        })
}

impl Service {
    fn start() -> Self {
        let (arrivals, listener) = arrivals();
        let events = Arc::default();
        let ((stop, stopped), (force, forced)) = (oneshot::channel(), oneshot::channel());
        let serving = serve(listener, router(&events))
            .drain_timeout(DRAIN_TIMEOUT)
            .with_graceful_shutdown(async { stopped.await.expect("told") })
            .with_forced_shutdown(async {
                // If the sender was dropped, the service is never forced.
                if forced.await.is_err() {
                    std::future::pending::<()>().await;
                }
            });
        Self {
            arrivals,
            events,
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
    assert_eq!(service.running.await.expect("no panic"), ShutdownOutcome::Drained);
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
    assert_eq!(ending, ShutdownOutcome::Cut { connections: 1 });
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
    assert_eq!(ending, ShutdownOutcome::Cut { connections: 1 });
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
    assert_eq!(ending, ShutdownOutcome::Cut { connections: 1 });
    assert!(start.elapsed() < Duration::from_secs(1));
    stuck.expect_end().await;
}

#[tokio::test(start_paused = true)]
async fn what_has_arrived_before_the_signal_is_answered_though_it_was_not_yet_read() {
    let service = Service::start();
    let mut peer = service.arrivals.arrive();
    // The peer does not read the reply, so the next request is left unread.
    asked(&mut peer, BIG).await;
    asked(&mut peer, BIG).await;
    asked(&mut peer, SLOW).await;
    service.stop.send(()).expect("it runs");
    settle().await;
    hear_big(&mut peer).await;
    hear_big(&mut peer).await;
    peer.hear(SLOWED).await;
    peer.expect_end().await;
    drop(peer);
    assert_eq!(service.running.await.expect("no panic"), ShutdownOutcome::Drained);
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

const PING: &str = r#"{"pattern":"ping","data":0,"id":4}"#;
const PONG: &str = r#"{"response":"pong","isDisposed":true,"id":4}"#;
const STOPPING: &str = r#"{"err":{"status":"error","message":"the service is stopping"},"isDisposed":true,"id":4}"#;

async fn is_answered(peer: &mut Peer) {
    peer.say(PING).await;
    peer.hear(PONG).await;
}

#[tokio::test(start_paused = true)]
async fn a_service_that_stops_goes_on_answering_a_caller_with_something_in_flight() {
    let service = Service::start();
    let mut peer = service.arrivals.arrive();
    asked(&mut peer, SLOW).await;
    service.stop.send(()).expect("it runs");
    let start = Instant::now();
    for _ in 0..99 {
        sleep(Duration::from_millis(100)).await;
        is_answered(&mut peer).await;
    }
    assert!(start.elapsed() < WORK, "nothing waits for the slow call");
    peer.hear(SLOWED).await;
    peer.expect_end().await;
    drop(peer);
    assert_eq!(service.running.await.expect("no panic"), ShutdownOutcome::Drained);
}

#[tokio::test(start_paused = true)]
async fn a_stream_without_end_does_not_keep_other_calls_from_being_answered_while_a_service_stops() {
    let service = Service::start();
    let mut peer = service.arrivals.arrive();
    asked(&mut peer, r#"{"pattern":"endless","data":0,"id":1}"#).await;
    service.stop.send(()).expect("it runs");
    for _ in 0..28 {
        sleep(Duration::from_secs(1)).await;
        is_answered(&mut peer).await;
    }
    // A second before the deadline, calls are rejected at once; half a second later, the connection
    // closes.
    sleep(Duration::from_millis(1200)).await;
    peer.say(PING).await;
    peer.hear(STOPPING).await;
    peer.expect_end().await;
}

#[tokio::test(start_paused = true)]
async fn calls_that_come_too_late_are_refused_and_events_are_handled_until_the_end() {
    let service = Service::start();
    let mut peer = service.arrivals.arrive();
    asked(&mut peer, STUCK).await;
    service.stop.send(()).expect("it runs");
    sleep(DRAIN_TIMEOUT - Duration::from_millis(950)).await;
    let asked_at = Instant::now();
    peer.say(PING).await;
    peer.hear(STOPPING).await;
    assert!(
        asked_at.elapsed() <= Duration::from_millis(100),
        "{:?}",
        asked_at.elapsed()
    );
    peer.say(r#"{"pattern":"count","data":0}"#).await;
    peer.expect_end().await;
    peer.say(r#"{"pattern":"count","data":0}"#).await;
    settle().await;
    assert_eq!(service.events.load(SeqCst), 2, "one of them after our side was closed");
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_never_pauses_does_not_hold_up_a_shutdown_until_its_deadline() {
    let service = Service::start();
    let mut peer = service.arrivals.arrive();
    is_answered(&mut peer).await;
    service.stop.send(()).expect("it runs");
    let start = Instant::now();
    let mut link = peer.into_inner();
    let (request, reply) = (frame(PING), frame(PONG));
    let mut answer = vec![0; reply.len()];
    let answered = async {
        while link.write_all(request.as_bytes()).await.is_ok() && link.read_exact(&mut answer).await.is_ok() {
            assert!(answer == reply.as_bytes());
            sleep(Duration::from_millis(1)).await;
        }
    };
    answered.await;
    assert!(start.elapsed() >= Duration::from_secs(5), "{:?}", start.elapsed());
    assert!(start.elapsed() < Duration::from_secs(6), "{:?}", start.elapsed());
    drop(link);
    assert_eq!(service.running.await.expect("no panic"), ShutdownOutcome::Drained);
}

#[tokio::test(start_paused = true)]
async fn the_rest_of_a_frame_is_waited_for_and_answered() {
    let service = Service::start();
    let (mut prompt, mut silent) = (service.arrivals.arrive(), service.arrivals.arrive());
    let request = frame(PING);
    let (first, rest) = request.split_at(20);
    prompt.send(first).await;
    silent.send(first).await;
    settle().await;
    service.stop.send(()).expect("it runs");
    sleep(Duration::from_millis(900)).await;
    prompt.send(rest).await;
    prompt.hear(PONG).await;
    prompt.expect_end().await;
    let start = Instant::now();
    silent.expect_end().await;
    assert!(
        start.elapsed() < Duration::from_secs(1),
        "it is closed without the rest"
    );
}

#[tokio::test(start_paused = true)]
async fn connections_that_wait_to_be_accepted_when_a_service_stops_are_served() {
    let service = Service::start();
    // None of them has been accepted when the signal arrives.
    let mut peers = [(); 3].map(|()| service.arrivals.arrive());
    for peer in &mut peers {
        peer.say(PING).await;
    }
    service.stop.send(()).expect("it runs");
    for peer in &mut peers {
        peer.hear(PONG).await;
        peer.expect_end().await;
    }
}

#[tokio::test(start_paused = true)]
async fn all_that_has_arrived_is_answered_though_tokios_budget_does_not_suffice_for_it() {
    const COUNT: usize = 1000;
    let service = Service::start();
    let mut peer = service.arrivals.arrive_with_room(1 << 20);
    settle().await;
    let requests = (0..COUNT).map(|id| frame(&format!(r#"{{"pattern":"locked","data":0,"id":{id}}}"#)));
    peer.send(requests.collect::<String>()).await;
    service.stop.send(()).expect("it runs");
    let replies = (0..COUNT).map(|id| frame(&format!(r#"{{"response":{},"isDisposed":true,"id":{id}}}"#, id + 1)));
    let expected: String = replies.collect();
    assert!(peer.take_all().await == expected.into_bytes());
}

#[tokio::test(start_paused = true)]
async fn one_link_can_be_told_to_stop_too() {
    let (theirs, ours) = duplex(4096);
    let (stop, stopped) = oneshot::channel::<()>();
    let serving = serve_connection(ours, router(&Arc::default()).into_routes())
        .with_graceful_shutdown(async { stopped.await.expect("told") });
    let served = tokio::spawn(serving.into_future());
    let mut peer = Peer::new(theirs);
    asked(&mut peer, SLOW).await;
    stop.send(()).expect("it is served");
    settle().await;
    is_answered(&mut peer).await;
    peer.hear(SLOWED).await;
    peer.expect_end().await;
    drop(peer);
    served.await.expect("no panic").expect("served");
}
