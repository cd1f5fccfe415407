//! The limits of our client at a real Nest service: the number of calls in flight, and the number
//! of calls that wait while the service does not read.

use std::time::Duration;

use compat_tests::{Environment, Implementation, PATIENCE};
use futures_util::{FutureExt, future::join_all};
use nest_wire::client::{CallError, Client, ClientBuilder, OverloadPolicy};
use nest_wire_harness::{App, Service};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::{process::Command, sync::Mutex, task::yield_now, time::timeout};

/// Number of bytes that exceeds what the system buffers for a reader that sleeps.
const MORE_THAN_FITS: usize = 32 << 20;

async fn nest() -> Service {
    Environment::ready()
        .await
        .start(App::Conformance, Implementation::Nest(12), &[])
        .await
}

/// Returns the order of the replies to a slow call and a quick call made after it.
async fn order(service: &Service, config: ClientBuilder) -> Vec<String> {
    let client = config.build(service.address().to_string()).expect("a client");
    client.connect().await.expect("it listens");
    let answers = Mutex::new(Vec::new());
    let call = async |pattern: &str, data: Value| {
        let answer: String = client.send(pattern, &data).await.expect("an answer");
        answers.lock().await.push(answer);
    };
    let slow = json!({"ms": 200, "value": "slow"});
    tokio::join!(call("delay", slow), call("ping", json!(0)));
    answers.into_inner()
}

#[tokio::test]
async fn nest_is_asked_one_thing_at_a_time_if_the_client_is_to() {
    let service = nest().await;
    let unlimited = order(&service, Client::builder()).await;
    assert_eq!(unlimited, ["pong", "slow"], "Nest answers what is done first");
    let limited = order(&service, Client::builder().max_in_flight(1)).await;
    assert_eq!(limited, ["slow", "pong"]);
}

#[tokio::test]
async fn a_call_past_the_limit_fails_at_once_until_nest_has_answered() {
    let service = nest().await;
    let config = Client::builder().max_in_flight(2).overload(OverloadPolicy::Fail);
    let client = config.build(service.address().to_string()).expect("a client");
    let slow = json!({"ms": 200, "value": "slow"});
    let endless = json!({"ms": 3_600_000, "value": "never"});
    let mut under_way = Box::pin(client.send::<String>("delay", &slow));
    let mut given_up = Box::pin(client.send::<String>("delay", &endless));
    assert!((&mut under_way).now_or_never().is_none());
    assert!((&mut given_up).now_or_never().is_none());
    let refused = client.send::<String>("ping", &0).now_or_never().expect("at once");
    assert!(matches!(refused, Err(CallError::Overloaded)), "{refused:?}");
    client.emit("log", "events have no limit").await.expect("sent");
    assert_eq!(under_way.await.expect("an answer"), "slow");
    assert_eq!(client.send::<String>("ping", &0).await.expect("there is room"), "pong");
    drop(given_up);
    let both = join_all([client.send::<String>("ping", &0), client.send::<String>("ping", &0)]).await;
    for answer in both {
        assert_eq!(answer.expect("what is given up makes room"), "pong");
    }
}

/// The notes of the service.
#[derive(Deserialize)]
struct Notes {
    count: usize,
}

/// Sends a signal that stops or continues the process. While stopped, the process reads nothing.
pub(crate) async fn signal(service: &Service, name: &str) {
    let id = service.id().expect("it runs").to_string();
    let sent = Command::new("kill").args([name, &id]).status().await;
    assert!(sent.expect("`kill` can be run").success());
}

/// Fills a client's connection to a service that sleeps, and then its queue. `one_more` checks the
/// immediate outcome of the next event.
async fn crowd(when_full: OverloadPolicy, one_more: impl Fn(Option<Result<(), CallError>>) -> bool) {
    const MAX_QUEUED: usize = 3;
    let service = nest().await;
    let config = Client::builder().max_queued(MAX_QUEUED).overload(when_full);
    let client = config.build(service.address().to_string()).expect("a client");
    client.connect().await.expect("it listens");
    signal(&service, "-STOP").await;

    let large = "x".repeat(MORE_THAN_FITS);
    let mut waiting = vec![client.emit("note", &large).boxed()];
    assert!(waiting[0].as_mut().now_or_never().is_none(), "too large to be gone");
    // Let the client's driver begin to write the packet, which then is no longer queued.
    for _ in 0..10 {
        yield_now().await;
    }
    for queued in 1..=MAX_QUEUED {
        let mut event = client.emit("note", "x").boxed();
        assert!(event.as_mut().now_or_never().is_none(), "{queued}");
        waiting.push(event);
    }
    let mut last = client.emit("note", "x").boxed();
    let outcome = last.as_mut().now_or_never();
    let is_in = outcome.is_none();
    assert!(one_more(outcome));
    if is_in {
        waiting.push(last);
    }

    signal(&service, "-CONT").await;
    let sent = waiting.len();
    let outcomes = timeout(PATIENCE, join_all(waiting)).await.expect("Nest reads on");
    assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
    let notes: Notes = client.send("notes", &0).await.expect("the notes");
    assert_eq!(notes.count, sent, "none is lost, none that was refused has come");
}

#[tokio::test]
async fn while_nest_does_not_read_events_past_the_limit_fail_and_the_others_arrive() {
    crowd(OverloadPolicy::Fail, |outcome| {
        matches!(outcome, Some(Err(CallError::Overloaded)))
    })
    .await;
}

#[tokio::test]
async fn while_nest_does_not_read_events_past_the_limit_wait_and_all_arrive() {
    crowd(OverloadPolicy::Wait, |outcome| outcome.is_none()).await;
}

#[tokio::test]
async fn an_answer_of_nests_that_comes_too_late_is_nobodys_and_the_link_goes_on() {
    let service = nest().await;
    let client = Client::new(service.address().to_string());
    client.connect().await.expect("it listens");
    // No reply arrives before the timeout, however slow this process is.
    signal(&service, "-STOP").await;
    let limit = Duration::from_millis(100);
    let outcome = client.with_timeout(limit).send::<String>("echo", "late").await;
    assert!(
        matches!(&outcome, Err(CallError::Timeout(error)) if error.limit() == limit),
        "{outcome:?}"
    );
    signal(&service, "-CONT").await;
    // Answered after the late one, over the same connection.
    let last = json!({"ms": 100, "value": "last"});
    assert_eq!(client.send::<String>("delay", &last).await.expect("an answer"), "last");
    assert!(client.state().is_connected());
}

#[tokio::test]
async fn a_call_that_waits_for_a_place_behind_a_sleeping_nest_times_out() {
    let service = nest().await;
    let client = Client::builder()
        .max_in_flight(1)
        .build(service.address().to_string())
        .expect("a client");
    client.connect().await.expect("it listens");
    signal(&service, "-STOP").await;
    let mut first = Box::pin(client.send::<String>("ping", &0));
    assert!((&mut first).now_or_never().is_none());
    let limit = Duration::from_millis(100);
    let second = client.with_timeout(limit).send::<String>("ping", &0).await;
    assert!(
        matches!(&second, Err(CallError::Timeout(error)) if error.limit() == limit),
        "{second:?}"
    );
    signal(&service, "-CONT").await;
    assert_eq!(first.await.expect("an answer"), "pong");
}

#[tokio::test]
async fn nest_gets_every_event_of_a_client_that_closes_while_an_answer_is_still_to_come() {
    const EVENTS: usize = 3000;
    let service = nest().await;
    let client = Client::new(service.address().to_string());
    let slow = json!({"ms": 100, "value": "late"});
    let impatient = client.with_timeout(Duration::from_millis(10));
    let outcome = impatient.send::<String>("delay", &slow).await;
    assert!(matches!(outcome, Err(CallError::Timeout(_))), "{outcome:?}");
    // The service reads them only after it has written the reply.
    signal(&service, "-STOP").await;
    let events: Vec<_> = (0..EVENTS).map(|_| client.emit("note", "x")).collect();
    let closing = async {
        for outcome in join_all(events).await {
            outcome.expect("sent");
        }
        tokio::join!(client.close(), signal(&service, "-CONT"));
    };
    timeout(PATIENCE, closing).await.expect("Nest closes too");
    let another = Client::new(service.address().to_string());
    let notes: Notes = another.send("notes", &0).await.expect("the notes");
    assert_eq!(notes.count, EVENTS);
}
