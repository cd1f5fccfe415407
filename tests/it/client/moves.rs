//! If a client has several connections, packets that wait on a lost one are sent on another one.

use std::{
    future::Future,
    io,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    task::{Context, Waker},
    time::Duration,
};

use futures_util::{FutureExt, StreamExt, future::join_all};
use nest_wire::{
    client::{CallError, Client, ClientBuilder, ReconnectPolicy, Target},
    server::{Payload, ReplyStream, Router, State, serve_connection},
};
use tokio::{
    io::{DuplexStream, duplex},
    sync::watch,
    task::{JoinHandle, JoinSet},
    time::{Instant, sleep},
};

use crate::support::settle;

static NUMBERS: [u32; 20] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19];

/// Two hosts: one accepts and does not read, as long as it is up; the other one answers, once it is
/// up.
struct Hosts {
    client: Client,
    silent_is_up: watch::Sender<bool>,
    silent: Arc<Mutex<Vec<DuplexStream>>>,
    good_is_up: watch::Sender<bool>,
    good: Arc<Mutex<JoinSet<()>>>,
    events: Arc<AtomicUsize>,
}

impl Hosts {
    /// Connects to the silent host and fills that connection.
    async fn new(config: ClientBuilder) -> (Self, JoinHandle<Result<(), CallError>>) {
        let (silent_is_up, good_is_up) = (watch::Sender::new(true), watch::Sender::new(false));
        let (silent, events) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicUsize::new(0)));
        let good = Arc::new(Mutex::new(JoinSet::new()));
        let router = Router::new()
            .message("echo", async |Payload(number): Payload<u32>| number)
            .message("length", async |Payload(text): Payload<String>| text.len())
            .message("never", async || std::future::pending::<u32>().await)
            .message("count", async |Payload(number): Payload<u32>| {
                ReplyStream::new(futures_util::stream::iter(0..number))
            })
            .event("log", async |State(events): State<Arc<AtomicUsize>>| {
                events.fetch_add(1, SeqCst);
            })
            .with_state(Arc::clone(&events))
            .into_routes();
        let connectors = [0, 1].map(|index| {
            let (is_up, good_is_up) = (silent_is_up.clone(), good_is_up.clone());
            let (kept, good, routes) = (Arc::clone(&silent), Arc::clone(&good), Arc::clone(&router));
            move || {
                let (ours, theirs) = duplex(64);
                let outcome = match index {
                    0 if *is_up.borrow() => {
                        kept.lock().expect("no panic").push(theirs);
                        Ok(ours)
                    }
                    1 if *good_is_up.borrow() => {
                        let serving = serve_connection(theirs, Arc::clone(&routes)).into_future();
                        good.lock().expect("no panic").spawn(serving.map(drop));
                        Ok(ours)
                    }
                    _ => Err(io::ErrorKind::ConnectionRefused.into()),
                };
                std::future::ready(outcome)
            }
        });
        let reconnect = ReconnectPolicy::always()
            .attempts(1000)
            .max_delay(Duration::from_secs(1));
        let client = config
            .reconnect(reconnect)
            .build(Target::connectors(connectors))
            .expect("a client");
        client.connect().await.expect("one of them is up");
        let first = client.clone();
        let text = "x".repeat(200_000);
        let stuck = tokio::spawn(async move { first.emit("log", &text).await });
        settle().await;
        let hosts = Self {
            client,
            silent_is_up,
            silent,
            good_is_up,
            good,
            events,
        };
        (hosts, stuck)
    }

    /// Makes calls of each kind, which wait to be written on the connection to the silent host.
    fn call(&self) -> JoinHandle<Vec<Result<u32, CallError>>> {
        let client = self.client.clone();
        tokio::spawn(async move {
            let small = join_all(NUMBERS.iter().map(|number| client.send::<u32>("echo", number)));
            let text = "x".repeat(5_000);
            let large = client.send::<u32>("length", &text);
            let events = join_all(NUMBERS.iter().map(|number| client.emit("log", number)));
            let streams = join_all((0..5).map(|_| async {
                let values = client.send_stream::<u32>("count", &3).await?;
                let values: Vec<_> = values.collect().await;
                values.into_iter().collect::<Result<Vec<_>, _>>()
            }));
            let (small, large, events, streams) = tokio::join!(small, large, events, streams);
            for (number, outcome) in small.iter().enumerate() {
                assert_eq!(
                    outcome.as_ref().ok().copied(),
                    u32::try_from(number).ok(),
                    "{outcome:?}"
                );
            }
            let events = events.into_iter().map(|event| event.map(|()| 0));
            let streams = streams
                .into_iter()
                .map(|values| values.map(|values| values.iter().sum()));
            small.into_iter().chain([large]).chain(events).chain(streams).collect()
        })
    }

    fn lose_the_good_one(&self) {
        self.good_is_up.send_replace(false);
        self.good.lock().expect("no panic").abort_all();
    }

    fn lose_the_silent_one(&self) {
        self.silent_is_up.send_replace(false);
        self.silent.lock().expect("no panic").clear();
    }
}

/// The good host is tried again within a second, plus or minus the jitter.
const SOON: Duration = Duration::from_secs(2);

#[tokio::test(start_paused = true)]
async fn what_waits_on_a_link_that_is_lost_goes_out_on_the_other_one() {
    let (hosts, stuck) = Hosts::new(Client::builder()).await;
    let calls = hosts.call();
    settle().await;
    hosts.good_is_up.send_replace(true);
    sleep(SOON).await;
    assert!(
        !calls.is_finished(),
        "what waits stays where it is while its link is there"
    );
    let start = Instant::now();
    hosts.lose_the_silent_one();
    let outcomes = calls.await.expect("no panic");
    assert_eq!(
        outcomes.iter().filter(|outcome| outcome.is_ok()).count(),
        46,
        "{outcomes:?}"
    );
    assert_eq!(outcomes[20].as_ref().ok(), Some(&5_000));
    assert!(outcomes[41..].iter().all(|sum| matches!(sum, Ok(3))), "{outcomes:?}");
    assert_eq!(start.elapsed(), Duration::ZERO, "nobody waits for anything");
    settle().await;
    assert_eq!(hosts.events.load(SeqCst), 20);
    let stuck = stuck.await.expect("no panic");
    assert!(matches!(stuck, Err(CallError::ConnectionClosed(_))), "{stuck:?}");
}

#[tokio::test(start_paused = true)]
async fn what_waits_for_a_lost_link_goes_to_one_that_comes_up_later() {
    let (hosts, _stuck) = Hosts::new(Client::builder()).await;
    let calls = hosts.call();
    settle().await;
    hosts.lose_the_silent_one();
    sleep(Duration::from_secs(5)).await;
    assert!(!calls.is_finished());
    hosts.good_is_up.send_replace(true);
    sleep(SOON).await;
    let outcomes = calls.await.expect("no panic");
    assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
}

#[tokio::test(start_paused = true)]
async fn callers_that_wait_for_room_on_a_link_that_is_lost_go_on_too() {
    let (hosts, _stuck) = Hosts::new(Client::builder().max_queued(1)).await;
    let client = hosts.client.clone();
    let calls =
        tokio::spawn(async move { join_all(NUMBERS.iter().map(|number| client.send::<u32>("echo", number))).await });
    settle().await;
    hosts.good_is_up.send_replace(true);
    sleep(SOON).await;
    let start = Instant::now();
    hosts.lose_the_silent_one();
    let outcomes = calls.await.expect("no panic");
    assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
    assert_eq!(start.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_has_moved_still_ends_with_its_timeout() {
    let (hosts, _stuck) = Hosts::new(Client::builder()).await;
    let quick = hosts.client.with_timeout(Duration::from_secs(10));
    let start = Instant::now();
    let call = tokio::spawn(async move { quick.send::<u32>("never", &1).await });
    settle().await;
    hosts.good_is_up.send_replace(true);
    sleep(Duration::from_secs(5)).await;
    hosts.lose_the_silent_one();
    let outcome = call.await.expect("no panic");
    assert!(matches!(outcome, Err(CallError::Timeout(_))), "{outcome:?}");
    assert!(start.elapsed() < Duration::from_millis(10_100), "{:?}", start.elapsed());
}

/// The time at which the sender of an event is dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Gone {
    BeforeTheLoss,
    /// After its packet has been handed back, and before it is polled again.
    AfterTheLoss,
    /// While it waits for a connection that takes its packet.
    WhileNoLinkIsThere,
}

#[tokio::test(start_paused = true)]
async fn events_whose_senders_go_at_any_moment_go_out_on_the_other_link() {
    for gone in [Gone::BeforeTheLoss, Gone::AfterTheLoss, Gone::WhileNoLinkIsThere] {
        let (hosts, _stuck) = Hosts::new(Client::builder()).await;
        let mut emits: Vec<_> = (NUMBERS.iter())
            .map(|number| Box::pin(hosts.client.emit("log", number)))
            .collect();
        poll_all(&mut emits);
        if gone == Gone::BeforeTheLoss {
            emits.clear();
        }
        hosts.good_is_up.send_replace(true);
        sleep(SOON).await;
        hosts.lose_the_silent_one();
        if gone == Gone::WhileNoLinkIsThere {
            // Both hosts are lost when the senders look for another connection.
            hosts.lose_the_good_one();
            settle().await;
            poll_all(&mut emits);
        }
        settle().await;
        emits.clear();
        hosts.good_is_up.send_replace(true);
        sleep(SOON).await;
        assert_eq!(hosts.events.load(SeqCst), NUMBERS.len(), "{gone:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn events_whose_senders_have_gone_wait_where_they_are_while_no_link_is_there() {
    let (hosts, _stuck) = Hosts::new(Client::builder()).await;
    let mut emits = vec![Box::pin(hosts.client.emit("log", &7))];
    poll_all(&mut emits);
    emits.clear();
    hosts.lose_the_silent_one();
    sleep(SOON).await;
    hosts.good_is_up.send_replace(true);
    sleep(SOON).await;
    assert_eq!(hosts.events.load(SeqCst), 1);
}

fn poll_all<F: Future>(futures: &mut [Pin<Box<F>>]) {
    let cx = &mut Context::from_waker(Waker::noop());
    for future in futures {
        assert!(future.as_mut().poll(cx).is_pending());
    }
}
