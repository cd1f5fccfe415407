//! The states of a client's connections, and when it connects: `connect`, `state`, `states`,
//! reconnecting.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use futures_util::{FutureExt, StreamExt};
use nest_wire::client::{CallError, Client, ConnectionState, DisconnectReason, ReconnectPolicy, StateStream, Target};
use tokio::{
    io::{DuplexStream, duplex},
    sync::mpsc,
    time::Instant,
};

use crate::support::{Calls, Peer, calls, calls_with, settle};

const fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn always() -> (Client, Calls) {
    calls_with(Client::builder().reconnect(ReconnectPolicy::always()), 1024)
}

async fn told(states: &mut StateStream) -> String {
    format!("{:?}", states.next().await.expect("the client is there"))
}

async fn answer(peer: &mut Peer) {
    let id = peer.hear_request(r#""pattern":"a","data":1"#).await;
    peer.say(&format!(r#"{{"response":7,"isDisposed":true,"id":"{id}"}}"#))
        .await;
}

/// Returns a client of a service that refuses this number of connections before it accepts all, and
/// the number of attempts.
fn refusing(count: usize, reconnect: ReconnectPolicy) -> (Client, mpsc::UnboundedReceiver<Peer>, Arc<AtomicUsize>) {
    let (call, calls) = mpsc::unbounded_channel();
    let tried = Arc::new(AtomicUsize::new(0));
    let attempts = Arc::clone(&tried);
    let connect = move || {
        let (ours, theirs) = duplex(1024);
        let taken = attempts.fetch_add(1, SeqCst) >= count && call.send(Peer::new(theirs)).is_ok();
        async move {
            taken
                .then_some(ours)
                .ok_or_else(|| io::Error::from(io::ErrorKind::ConnectionRefused))
        }
    };
    let client = Client::builder()
        .reconnect(reconnect)
        .build(Target::connector(connect))
        .expect("a client");
    (client, calls, tried)
}

#[tokio::test(start_paused = true)]
async fn connect_opens_the_link_that_the_calls_then_use() {
    let (client, mut calls) = calls();
    assert!(matches!(
        client.state(),
        ConnectionState::Disconnected(DisconnectReason::NotYet)
    ));
    client.connect().await.expect("a link");
    assert!(client.state().is_connected());
    client.connect().await.expect("it is there already");
    let mut peer = calls.next().await;
    let (outcome, ()) = tokio::join!(client.send::<u32>("a", &1), answer(&mut peer));
    assert_eq!(outcome.expect("an answer"), 7);
    calls.expect_none().await;
}

#[tokio::test(start_paused = true)]
async fn connect_tells_why_there_is_no_link() {
    let refuse = || async { Err::<DuplexStream, _>(io::Error::from(io::ErrorKind::ConnectionRefused)) };
    let client = Client::builder().build(Target::connector(refuse)).expect("a client");
    let outcome = client.connect().await;
    assert!(matches!(&outcome, Err(CallError::Connect(error)) if error.kind() == io::ErrorKind::ConnectionRefused));
    assert!(matches!(
        client.state(),
        ConnectionState::Disconnected(DisconnectReason::Unreachable(_))
    ));

    let never = std::future::pending::<io::Result<DuplexStream>>;
    let client = Client::builder()
        .build(Target::connector(never))
        .expect("a client")
        .with_timeout(millis(50));
    let outcome = client.connect().await;
    assert!(matches!(outcome, Err(CallError::Timeout(_))), "{outcome:?}");
}

#[tokio::test(start_paused = true)]
async fn the_states_of_a_link_are_told_in_order() {
    let (up, mut links) = mpsc::unbounded_channel();
    let connect = move || {
        let up = up.clone();
        async move {
            settle().await;
            let (ours, theirs) = duplex(1024);
            up.send(theirs).map(|()| ours).map_err(io::Error::other)
        }
    };
    let client = Client::builder().build(Target::connector(connect)).expect("a client");
    let mut states = client.states();
    assert_eq!(told(&mut states).await, "Disconnected(NotYet)");
    assert!(states.next().now_or_never().is_none(), "nothing new");
    let emitted = tokio::spawn({
        let client = client.clone();
        async move { client.emit("a", &1).await }
    });
    assert_eq!(told(&mut states).await, "Connecting");
    assert_eq!(told(&mut states).await, "Connected");
    emitted.await.expect("no panic").expect("sent");
    drop(links.recv().await);
    assert_eq!(told(&mut states).await, "Disconnected(ByPeer)");
    client.close().await;
    assert_eq!(told(&mut states).await, "Disconnected(Closed)");
    drop(client);
    assert!(states.next().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn states_do_not_keep_a_client_alive() {
    let (client, mut calls) = calls();
    let mut states = client.states();
    client.connect().await.expect("a link");
    drop(client);
    assert_eq!(told(&mut states).await, "Connected");
    calls.next().await.expect_end().await;
    assert_eq!(told(&mut states).await, "Disconnected(Closed)");
    assert!(states.next().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_call_waits_through_as_many_attempts_as_it_may() {
    let reconnect = ReconnectPolicy::on_demand().attempts(3).min_delay(millis(100));
    let (client, mut calls, tried) = refusing(2, reconnect);
    let script = async { answer(&mut calls.recv().await.expect("a link")).await };
    let start = Instant::now();
    let (outcome, ()) = tokio::join!(client.send::<u32>("a", &1), script);
    assert_eq!(outcome.expect("an answer"), 7);
    assert_eq!(tried.load(SeqCst), 3);
    // 100 ms and 200 ms, each up to a half less.
    let waited = start.elapsed();
    assert!((millis(150)..millis(310)).contains(&waited), "{waited:?}");
}

#[tokio::test(start_paused = true)]
async fn after_the_last_attempt_calls_fail_and_nobody_tries_until_the_next() {
    let (client, _calls, tried) = refusing(usize::MAX, ReconnectPolicy::on_demand().attempts(2));
    let outcome = client.send::<u32>("a", &1).await;
    assert!(matches!(outcome, Err(CallError::Connect(_))), "{outcome:?}");
    assert_eq!(tried.load(SeqCst), 2);
    tokio::time::sleep(millis(100_000)).await;
    assert_eq!(tried.load(SeqCst), 2);
    client.emit("a", &1).await.expect_err("still nobody there");
    assert_eq!(tried.load(SeqCst), 4);
}

#[tokio::test(start_paused = true)]
async fn attempts_end_when_nobody_waits_any_more() {
    let patient = ReconnectPolicy::on_demand().attempts(1000).min_delay(millis(100));
    let (client, _calls, tried) = refusing(usize::MAX, patient);
    let outcome = client.with_timeout(millis(20)).send::<u32>("a", &1).await;
    assert!(matches!(outcome, Err(CallError::Timeout(_))), "{outcome:?}");
    tokio::time::sleep(millis(100_000)).await;
    assert_eq!(tried.load(SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn calls_that_had_a_link_fail_with_it_though_it_was_lost_at_once() {
    let client = Client::builder()
        .build(Target::connector(|| std::future::ready(Ok(duplex(1024).0))))
        .expect("a client");
    let outcome = client.send::<u32>("a", &1).await;
    assert!(matches!(outcome, Err(CallError::ConnectionClosed(_))), "{outcome:?}");
}

#[tokio::test(start_paused = true)]
async fn a_link_that_is_always_wanted_comes_back_unasked() {
    let (client, mut calls) = always();
    calls.expect_none().await;
    client.connect().await.expect("a link");
    let first = calls.next().await;
    drop(first);
    let mut second = calls.next().await;
    let (outcome, ()) = tokio::join!(client.send::<u32>("a", &1), answer(&mut second));
    assert_eq!(outcome.expect("an answer"), 7);
}

#[tokio::test(start_paused = true)]
async fn a_link_that_is_always_lost_at_once_is_made_more_and_more_seldom() {
    let (client, mut calls) = always();
    client.connect().await.expect("a link");
    let mut pauses = Vec::new();
    for _ in 0..6 {
        let start = Instant::now();
        drop(calls.next().await);
        pauses.push(start.elapsed());
    }
    assert!(pauses[1] >= millis(50) && pauses[5] >= millis(800), "{pauses:?}");
    drop(client);
}

#[tokio::test(start_paused = true)]
async fn what_was_not_yet_written_goes_out_on_the_next_link() {
    let (client, mut calls) = always();
    // More than a connection in memory takes without a reader: the second event waits on our side.
    let text = "x".repeat(100_000);
    let (first, second) = (client.clone(), client.clone());
    let lost = tokio::spawn(async move { first.send::<u32>("a", &text).await });
    let mut peer = calls.next().await;
    peer.take(10).await;
    let kept = tokio::spawn(async move { second.send::<u32>("a", &1).await });
    settle().await;
    drop(peer);
    let lost = lost.await.expect("no panic");
    assert!(matches!(lost, Err(CallError::ConnectionClosed(_))), "{lost:?}");
    answer(&mut calls.next().await).await;
    assert_eq!(kept.await.expect("no panic").expect("an answer"), 7);
}
