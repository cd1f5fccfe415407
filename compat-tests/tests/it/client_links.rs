//! The connections of our client to real Nest services: services that restart, several services,
//! clients that close.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use compat_tests::{Environment, Implementation, PATIENCE};
use futures_util::{FutureExt, StreamExt, TryFutureExt, future::join_all};
use nest_wire::client::{
    CallError, Client, ConnectionState, DisconnectReason, ReconnectPolicy, Request, StateStream, Target,
};
use nest_wire_harness::{App, Service};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::{net::TcpStream, time::timeout};
use tower::{Service as _, ServiceBuilder, ServiceExt};

const NEST: Implementation = Implementation::Nest(12);

async fn start() -> Service {
    Environment::ready().await.start(App::Conformance, NEST, &[]).await
}

async fn start_again(port: u16) -> Service {
    Environment::ready()
        .await
        .start_on(port, App::Conformance, NEST, &[])
        .await
}

/// Waits for a state that `is_it` accepts.
async fn reach(states: &mut StateStream, is_it: impl Fn(&ConnectionState) -> bool) -> ConnectionState {
    let reached = async {
        loop {
            let state = states.next().await.expect("the client is there");
            if is_it(&state) {
                return state;
            }
        }
    };
    timeout(PATIENCE, reached).await.expect("it gets there")
}

fn quick() -> ReconnectPolicy {
    ReconnectPolicy::always()
        .min_delay(Duration::from_millis(20))
        .max_delay(Duration::from_millis(200))
}

#[tokio::test]
async fn a_link_comes_back_with_its_service_and_its_states_are_told() {
    let service = start().await;
    let address = service.address();
    let client = Client::builder()
        .reconnect(quick())
        .build(address.to_string())
        .expect("a client");
    let mut states = client.states();
    assert!(matches!(
        states.next().await,
        Some(ConnectionState::Disconnected(DisconnectReason::NotYet))
    ));
    client.connect().await.expect("it listens");
    reach(&mut states, ConnectionState::is_connected).await;
    service.kill().await.expect("it ends");
    reach(&mut states, |state| {
        matches!(state, ConnectionState::Disconnected(DisconnectReason::Unreachable(_)))
    })
    .await;
    let _again = start_again(address.port()).await;
    reach(&mut states, ConnectionState::is_connected).await;
    assert_eq!(client.send::<String>("ping", &0).await.expect("an answer"), "pong");
    client.close().await;
    reach(&mut states, |state| {
        matches!(state, ConnectionState::Disconnected(DisconnectReason::Closed))
    })
    .await;
}

#[tokio::test]
async fn closing_waits_for_nests_answers() {
    let service = start().await;
    let client = Client::new(service.address().to_string());
    let slow = json!({"ms": 300, "value": "late"});
    let mut waiting = Box::pin(client.send::<String>("delay", &slow));
    assert!((&mut waiting).now_or_never().is_none());
    let paced = json!({"values": [1, 2, 3], "ms": 100});
    let values = client.send_stream::<u8>("stream-slow", &paced).await.expect("sent");
    let (answer, values, ()) = tokio::join!(waiting, values.collect::<Vec<_>>(), client.close());
    assert_eq!(answer.expect("an answer"), "late");
    let values: Result<Vec<_>, _> = values.into_iter().collect();
    assert_eq!(values.expect("values"), [1, 2, 3]);
    let error = client.send::<String>("ping", &0).await.expect_err("it is closed");
    assert!(matches!(error, CallError::Closed), "{error:?}");
}

#[tokio::test]
async fn a_restart_under_load_loses_only_what_was_in_flight_and_says_so() {
    const CALLERS: usize = 32;
    let service = start().await;
    let port = service.address().port();
    let patient = ReconnectPolicy::on_demand()
        .attempts(1000)
        .min_delay(Duration::from_millis(20))
        .max_delay(Duration::from_millis(200));
    let address = service.address();
    let links = Arc::new(AtomicUsize::new(0));
    let opened = Arc::clone(&links);
    let connect = move || {
        let opened = Arc::clone(&opened);
        TcpStream::connect(address).inspect_ok(move |_| _ = opened.fetch_add(1, SeqCst))
    };
    let client = Client::builder()
        .reconnect(patient)
        .build(Target::connector(connect))
        .expect("a client");
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let caller = async |number: usize| {
        let (mut answered, mut lost) = (0, Vec::new());
        while !*stopped.borrow() {
            match client.send::<usize>("echo", &number).await {
                Ok(echo) => {
                    assert_eq!(echo, number);
                    answered += 1;
                }
                Err(error) => lost.push(error),
            }
        }
        (answered, lost)
    };
    let restart = async {
        let slow = json!({"ms": 20, "value": 1});
        client.send::<u8>("delay", &slow).await.expect("others run meanwhile");
        service.kill().await.expect("it ends");
        let again = start_again(port).await;
        client.send::<u8>("delay", &slow).await.expect("it is back");
        stop.send_replace(true);
        again
    };
    let (outcomes, _again) = tokio::join!(join_all((0..CALLERS).map(caller)), restart);
    // All but the last were lost: a dying process may accept one more connection and reset it.
    let lost_links = links.load(SeqCst) - 1;
    assert!((1..=3).contains(&lost_links), "{lost_links}");
    for (answered, lost) in outcomes {
        assert!(answered > 1, "it went on");
        assert!(lost.len() <= lost_links, "one was in flight at a time: {lost:?}");
        for error in lost {
            assert!(matches!(error, CallError::ConnectionClosed(_)), "{error:?}");
        }
    }
}

#[derive(Deserialize)]
struct Notes {
    count: usize,
}

/// Sends this number of events through `client`. Returns the number that each of the services
/// received.
async fn spread(client: &Client, services: &[&Service], events: usize) -> Vec<usize> {
    for _ in 0..events {
        client.emit("note", "x").await.expect("sent");
    }
    let askers: Vec<_> = services
        .iter()
        .map(|service| Client::new(service.address().to_string()))
        .collect();
    let mut counts = vec![0; services.len()];
    let all_there = async {
        while counts.iter().sum::<usize>() < events {
            for (count, asker) in counts.iter_mut().zip(&askers) {
                *count += asker.send::<Notes>("notes", &0).await.expect("notes").count;
            }
        }
    };
    timeout(PATIENCE, all_there).await.expect("all arrive");
    counts
}

#[tokio::test]
async fn calls_spread_over_two_services_of_which_one_goes_and_comes_back() {
    const EVENTS: usize = 100;
    let (one, other) = (start().await, start().await);
    let (kept, lost) = (one.address(), other.address());
    let client = Client::builder()
        .reconnect(quick())
        .build([kept.to_string(), lost.to_string()])
        .expect("a client");
    client.connect().await.expect("one of them");
    both_connected(&client, &[&one, &other]).await;
    let counts = spread(&client, &[&one, &other], EVENTS).await;
    assert!(counts.iter().all(|count| (10..=90).contains(count)), "{counts:?}");

    other.kill().await.expect("it ends");
    // Events on the way may be lost; later ones are not.
    while client.send::<String>("ping", &0).await.is_err() {}
    assert_eq!(spread(&client, &[&one], EVENTS).await, [EVENTS]);

    let again = start_again(lost.port()).await;
    both_connected(&client, &[&one, &again]).await;
    let counts = spread(&client, &[&one, &again], EVENTS).await;
    assert!(counts.iter().all(|count| (10..=90).contains(count)), "{counts:?}");
}

/// Calls until each of the services has been called.
async fn both_connected(client: &Client, services: &[&Service; 2]) {
    let connected = async { while spread(client, services, 10).await.contains(&0) {} };
    timeout(PATIENCE, connected).await.expect("both get calls");
}

#[tokio::test]
async fn nest_reads_the_metadata_that_a_layer_makes_for_each_call() {
    let service = start().await;
    let client = Client::new(service.address().to_string());
    let mut number = 0;
    // This is the counterpart of `setOnDispatchHook` in `docs/guide`.
    let mut hooked = ServiceBuilder::new()
        .map_request(move |call: Request| {
            number += 1;
            call.with_metadata(&json!({"requestId": number})).expect("JSON")
        })
        .service(client);
    for expected in [1, 2] {
        let call = Request::new("context", &0).expect("a call");
        let answer = hooked
            .ready()
            .await
            .expect("always")
            .call(call)
            .await
            .expect("the context");
        let seen: Value = answer.parse().expect("an object");
        assert_eq!(seen["metadata"], json!({"requestId": expected}));
    }
}

#[tokio::test]
async fn nest_reads_the_deadline_from_the_metadata() {
    let service = start().await;
    let client = Client::new(service.address().to_string())
        .with_timeout(Duration::from_secs(20))
        .with_metadata(&json!({"trace": "x"}))
        .expect("JSON")
        .with_deadline_metadata("deadline");
    let millis = || {
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).expect("later");
        u64::try_from(since_1970.as_millis()).expect("not that late")
    };
    let before = millis() + 20_000;
    let seen: Value = client.send("context", &1).await.expect("the context");
    let after = millis() + 20_000;
    let metadata = &seen["metadata"];
    assert_eq!(metadata["trace"], "x");
    let deadline = metadata["deadline"].as_u64().expect("a number");
    assert!(
        (before..=after).contains(&deadline),
        "{before} <= {deadline} <= {after}"
    );
}
