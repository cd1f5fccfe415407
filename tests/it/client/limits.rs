//! Callers that exceed the limits of a client.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use futures_util::{FutureExt, StreamExt, future::join_all};
use nest_wire::{
    client::{CallError, Client, ClientBuilder, OverloadPolicy, ReconnectPolicy, Target},
    server::{Router, serve_connection},
};
use tokio::{
    io::{DuplexStream, duplex},
    time::sleep,
};

use crate::support::{Peer, calls_with, settle};

async fn hear(peer: &mut Peer) -> String {
    peer.hear_request(r#""pattern":"a","data":1"#).await
}

async fn answer(peer: &mut Peer, id: &str) {
    peer.say(&format!(r#"{{"response":7,"isDisposed":true,"id":"{id}"}}"#))
        .await;
}

#[tokio::test(start_paused = true)]
async fn no_more_requests_are_under_way_than_may_be_and_the_others_wait_their_turn() {
    let (client, mut calls) = calls_with(Client::builder().max_in_flight(2), 4096);
    let script = async {
        let mut peer = calls.next().await;
        let mut under_way = vec![hear(&mut peer).await, hear(&mut peer).await];
        for _ in 0..3 {
            peer.expect_silence().await;
            answer(&mut peer, &under_way.remove(0)).await;
            under_way.push(hear(&mut peer).await);
        }
        for id in under_way {
            answer(&mut peer, &id).await;
        }
    };
    let (outcomes, ()) = tokio::join!(join_all((0..5).map(|_| client.send::<u32>("a", &1))), script);
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Ok(7))), "{outcomes:?}");
}

#[tokio::test(start_paused = true)]
async fn who_waits_too_long_for_a_place_times_out() {
    let (client, mut calls) = calls_with(Client::builder().max_in_flight(1), 4096);
    let values = client.send_stream::<u32>("a", &1).await.expect("sent");
    let mut peer = calls.next().await;
    hear(&mut peer).await;
    let quick = client.with_timeout(Duration::from_secs(1));
    let outcome = quick.send::<u32>("a", &1).await;
    assert!(matches!(outcome, Err(CallError::Timeout(error)) if error.limit() == Duration::from_secs(1)));
    client.emit("b", &1).await.expect("events need no place");
    drop(values);
    peer.expect(r#"24#{"pattern":"b","data":1}"#).await;
    let script = async {
        let id = hear(&mut peer).await;
        answer(&mut peer, &id).await;
    };
    let (outcome, ()) = tokio::join!(client.send::<u32>("a", &1), script);
    assert_eq!(outcome.expect("the stream's place is free"), 7);
}

#[tokio::test(start_paused = true)]
async fn callers_that_had_better_not_wait_fail_at_once() {
    let config = Client::builder().max_in_flight(1).overload(OverloadPolicy::Fail);
    let (client, mut calls) = calls_with(config, 4096);
    let mut first = Box::pin(client.send::<u32>("a", &1));
    assert!((&mut first).now_or_never().is_none());
    let outcome = client.send::<u32>("a", &1).now_or_never().expect("at once");
    assert!(matches!(outcome, Err(CallError::Overloaded)), "{outcome:?}");
    let script = async {
        let mut peer = calls.next().await;
        let id = hear(&mut peer).await;
        answer(&mut peer, &id).await;
        let id = hear(&mut peer).await;
        answer(&mut peer, &id).await;
    };
    let both = async {
        assert_eq!(first.await.expect("an answer"), 7);
        assert_eq!(client.send::<u32>("a", &1).await.expect("an answer"), 7);
    };
    tokio::join!(both, script);
}

#[tokio::test(start_paused = true)]
async fn no_more_packets_wait_to_be_written_than_may() {
    let config = Client::builder().max_queued(3).overload(OverloadPolicy::Fail);
    let (client, mut calls) = calls_with(config, 64);
    // This event fills the connection and the client's write buffer.
    let text = "x".repeat(100_000);
    let mut emitted = vec![Box::pin(client.emit("a", &text))];
    assert!((&mut emitted[0]).now_or_never().is_none());
    let mut peer = calls.next().await;
    settle().await;
    for _ in 0..3 {
        emitted.push(Box::pin(client.emit("a", &text)));
        assert!(emitted.last_mut().expect("one").now_or_never().is_none());
    }
    let outcome = client.emit("a", &text).now_or_never().expect("at once");
    assert!(matches!(outcome, Err(CallError::Overloaded)), "{outcome:?}");
    let (outcomes, heard) = tokio::join!(join_all(emitted), peer.take(4 * 100_030));
    assert!(outcomes.iter().all(Result::is_ok) && heard.len() == 4 * 100_030);
    let (outcome, _) = tokio::join!(client.emit("a", &1), peer.take(20));
    outcome.expect("there is room again");
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_given_up_makes_room() {
    let config = Client::builder().max_queued(1).overload(OverloadPolicy::Fail);
    let (client, mut calls) = calls_with(config, 64);
    let text = "x".repeat(100_000);
    let mut first = Box::pin(client.send::<u32>("a", &text));
    assert!((&mut first).now_or_never().is_none());
    let _peer = calls.next().await;
    settle().await;
    for _ in 0..10 {
        let mut queued = Box::pin(client.send::<u32>("a", &1));
        assert!((&mut queued).now_or_never().is_none());
        drop(queued);
        settle().await;
    }
    let quick = client.with_timeout(Duration::from_secs(1));
    let outcome = quick.send::<u32>("a", &1).await;
    assert!(matches!(outcome, Err(CallError::Timeout(_))), "{outcome:?}");
    let mut values = client.send_stream::<u32>("a", &1).await.expect("the timeout made room");
    assert!(values.next().now_or_never().is_none());
}

#[tokio::test(start_paused = true)]
async fn while_there_is_no_link_no_more_callers_wait_for_one_than_have_room_in_the_queues() {
    for hosts in [1, 2, 5] {
        let config = Client::builder().max_queued(3).overload(OverloadPolicy::Fail);
        let connector = || std::future::pending::<io::Result<DuplexStream>>();
        let client = config
            .clone()
            .build(Target::connectors(vec![connector; hosts]))
            .expect("a client");
        let quick = client.with_timeout(Duration::from_secs(1));
        let outcomes = join_all((0..1000).map(|_| quick.send::<u32>("a", &1))).await;
        let overloaded = outcomes
            .iter()
            .filter(|outcome| matches!(outcome, Err(CallError::Overloaded)))
            .count();
        assert_eq!(overloaded, 1000 - 3 * hosts, "{hosts} hosts");
        // The calls that timed out have released their permits.
        let again = quick.send::<u32>("a", &1).await;
        assert!(matches!(again, Err(CallError::Timeout(_))), "{again:?}");

        let patient = config
            .overload(OverloadPolicy::Wait)
            .build(Target::connectors(vec![connector; hosts]))
            .expect("a client");
        let patient = patient.with_timeout(Duration::from_secs(1));
        let outcomes = join_all((0..100).map(|_| patient.send::<u32>("a", &1))).await;
        let is_late = |outcome: &Result<u32, CallError>| matches!(outcome, Err(CallError::Timeout(_)));
        assert!(outcomes.iter().all(is_late), "{outcomes:?}");
    }
}

/// Returns a client of a service in memory that answers, and the number of its connections.
fn counted(config: ClientBuilder) -> (Client, Arc<AtomicUsize>) {
    let routes = Router::new().message("ping", async || "pong").into_routes();
    let opened = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&opened);
    let connect = move || {
        count.fetch_add(1, SeqCst);
        let (ours, theirs) = duplex(1024);
        tokio::spawn(serve_connection(theirs, Arc::clone(&routes)).into_future());
        std::future::ready(io::Result::Ok(ours))
    };
    (config.build(Target::connector(connect)).expect("a client"), opened)
}

#[tokio::test(start_paused = true)]
async fn the_longest_times_and_the_greatest_numbers_do_no_harm() {
    let config = Client::builder()
        .timeout(Duration::MAX)
        .connect_timeout(Duration::MAX)
        .drain_timeout(Duration::MAX)
        .max_in_flight(usize::MAX)
        .max_queued(usize::MAX)
        .connections(usize::MAX);
    let (client, opened) = counted(config);
    assert_eq!(client.send::<String>("ping", &0).await.expect("an answer"), "pong");
    settle().await;
    assert_eq!(opened.load(SeqCst), 1024);
    client.close().await;
}

#[tokio::test(start_paused = true)]
async fn the_shortest_times_and_the_least_numbers_do_no_harm() {
    for connections in [0, 1, 2] {
        let config = Client::builder()
            .drain_timeout(Duration::ZERO)
            .max_in_flight(0)
            .max_queued(0)
            .connections(connections);
        let (client, _) = counted(config.clone());
        let pongs = join_all((0..10).map(|_| client.send::<String>("ping", &0))).await;
        assert!(pongs.iter().all(Result::is_ok), "{pongs:?}");
        let at_once = client.with_timeout(Duration::ZERO).send::<String>("ping", &0).await;
        assert!(matches!(at_once, Err(CallError::Timeout(_))), "{at_once:?}");
        client.close().await;
    }
    for connections in [1, 2] {
        let config = Client::builder()
            .connect_timeout(Duration::ZERO)
            .connections(connections)
            .timeout(Duration::from_secs(5));
        let connector = || std::future::pending::<io::Result<DuplexStream>>();
        let client = config.build(Target::connector(connector)).expect("a client");
        let error = client.send::<u32>("a", &1).await.expect_err("no time");
        assert!(
            matches!(&error, CallError::Connect(cause) if cause.kind() == io::ErrorKind::TimedOut),
            "{error:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_is_to_reconnect_without_a_pause_does_other_things_too() {
    // More attempts than a pause of one millisecond allows, after which nothing more happens.
    const TOO_MANY: usize = 3000;
    let reconnect = ReconnectPolicy::always()
        .min_delay(Duration::ZERO)
        .max_delay(Duration::ZERO);
    for accepts in [false, true] {
        let attempts = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&attempts);
        let connect = move || {
            let is_too_many = count.fetch_add(1, SeqCst) > TOO_MANY;
            async move {
                match (is_too_many, accepts) {
                    (true, _) => std::future::pending().await,
                    (false, true) => Ok(duplex(64).0),
                    (false, false) => Err(io::ErrorKind::ConnectionRefused.into()),
                }
            }
        };
        let client = Client::builder()
            .reconnect(reconnect.clone())
            .build(Target::connector(connect))
            .expect("a client");
        let _ = client.connect().await;
        sleep(Duration::from_secs(1)).await;
        let attempts = attempts.load(SeqCst);
        assert!((100..TOO_MANY).contains(&attempts), "{attempts} attempts in a second");
    }
}
