//! The client under tower's layers.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use futures_util::{StreamExt, future::join_all};
use nest_wire::client::{CallError, Client, Reply, Request, StreamingClient, Target};
use tokio::io::{DuplexStream, duplex};
use tower::{
    Service, ServiceBuilder, ServiceExt,
    retry::{
        Policy,
        budget::{Budget, TpsBudget},
    },
};

use crate::support::{Peer, calls};

async fn hear(peer: &mut Peer) -> String {
    peer.hear_request(r#""pattern":"a","data":1"#).await
}

fn call() -> Request {
    Request::new("a", &1).expect("a number")
}

/// Repeats an unsent call, if the budget allows it.
#[derive(Clone)]
struct Unsent(Arc<TpsBudget>);

impl Policy<Request, Reply, CallError> for Unsent {
    type Future = std::future::Ready<()>;

    fn retry(&mut self, _: &mut Request, outcome: &mut Result<Reply, CallError>) -> Option<Self::Future> {
        match outcome {
            Err(error) if error.is_unsent() => self.0.withdraw().then(|| std::future::ready(())),
            _ => {
                self.0.deposit();
                None
            }
        }
    }

    fn clone_request(&mut self, call: &Request) -> Option<Request> {
        Some(call.clone())
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_is_answered_through_layers() {
    let (client, mut calls) = calls();
    let mut service = ServiceBuilder::new()
        .timeout(Duration::from_secs(1))
        .concurrency_limit(1)
        .service(client);
    let script = async {
        let mut peer = calls.next().await;
        let id = peer.hear_request(r#""pattern":"a","data":1,"metadata":{"b":2}"#).await;
        peer.say(&format!(r#"{{"isDisposed":true,"id":"{id}"}}"#)).await;
        hear(&mut peer).await;
        peer.expect_silence_of(Duration::from_secs(2)).await;
    };
    let asked = async {
        let with_metadata = call().with_metadata(&serde_json::json!({"b": 2})).expect("JSON");
        let answer = service.ready().await.expect("ready").call(with_metadata).await;
        let answer = answer.expect("an answer");
        assert_eq!(answer.raw(), None);
        answer.parse::<()>().expect("undefined");
        assert!(matches!(answer.parse::<u32>(), Err(CallError::NoValue)));
        let late = service.ready().await.expect("ready").call(call()).await;
        let error = late.expect_err("too late");
        assert!(error.is::<tower::timeout::error::Elapsed>(), "{error:?}");
    };
    tokio::join!(asked, script);
}

#[tokio::test(start_paused = true)]
async fn retries_end_with_their_budget() {
    let tried = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&tried);
    let refuse = move || {
        count.fetch_add(1, SeqCst);
        std::future::ready(Err::<DuplexStream, _>(std::io::ErrorKind::ConnectionRefused.into()))
    };
    let client = Client::builder().build(Target::connector(refuse)).expect("a client");
    // The budget allows one retry a second, for ten seconds, and none in return for successes.
    let budget = Arc::new(TpsBudget::new(Duration::from_secs(10), 1, 0.0));
    let mut service = ServiceBuilder::new().retry(Unsent(budget)).service(client);
    for _ in 0..5 {
        let outcome = service.ready().await.expect("ready").call(call()).await;
        assert!(matches!(outcome, Err(CallError::Connect(_))), "{outcome:?}");
    }
    assert_eq!(tried.load(SeqCst), 5 + 10);
}

#[tokio::test(start_paused = true)]
async fn a_retry_finds_the_service_that_came_up_meanwhile() {
    let (up, mut links) = tokio::sync::mpsc::unbounded_channel();
    let tried = AtomicUsize::new(0);
    let connect = Arc::new(move || {
        let (ours, theirs) = duplex(1024);
        match tried.fetch_add(1, SeqCst) {
            0 => Err(std::io::ErrorKind::ConnectionRefused.into()),
            _ => up.send(Peer::new(theirs)).map(|()| ours).map_err(std::io::Error::other),
        }
    });
    let client = Client::builder()
        .build(Target::connector(move || std::future::ready(connect())))
        .expect("a client");
    let budget = Arc::new(TpsBudget::default());
    let service = ServiceBuilder::new().retry(Unsent(budget)).service(client);
    let script = async {
        let mut peer = links.recv().await.expect("a link");
        let id = hear(&mut peer).await;
        peer.say(&format!(r#"{{"response":7,"isDisposed":true,"id":"{id}"}}"#))
            .await;
    };
    let (answer, ()) = tokio::join!(service.oneshot(call()), script);
    assert_eq!(answer.expect("an answer").parse::<u32>().expect("a number"), 7);
}

#[tokio::test(start_paused = true)]
async fn load_past_a_limit_is_shed() {
    let (client, mut calls) = calls();
    let service = ServiceBuilder::new().load_shed().concurrency_limit(1).service(client);
    let both = join_all([service.clone().oneshot(call()), service.clone().oneshot(call())]);
    let script = async {
        let mut peer = calls.next().await;
        let id = hear(&mut peer).await;
        peer.say(&format!(r#"{{"response":7,"isDisposed":true,"id":"{id}"}}"#))
            .await;
    };
    let (outcomes, ()) = tokio::join!(both, script);
    let shed = outcomes.iter().filter_map(|outcome| outcome.as_ref().err());
    assert!(
        shed.map(|error| error.is::<tower::load_shed::error::Overloaded>())
            .eq([true])
    );
}

#[tokio::test(start_paused = true)]
async fn a_streams_values_are_a_response_too() {
    let (client, mut calls) = calls();
    let script = async {
        let mut peer = calls.next().await;
        let id = hear(&mut peer).await;
        peer.say(&format!(r#"{{"response":1,"id":"{id}"}}"#)).await;
        peer.say(&format!(r#"{{"response":2,"isDisposed":true,"id":"{id}"}}"#))
            .await;
    };
    let asked = async {
        let values = StreamingClient::<u32>::new(client).oneshot(call()).await.expect("sent");
        values.map(|value| value.expect("a value")).collect::<Vec<_>>().await
    };
    let (values, ()) = tokio::join!(asked, script);
    assert_eq!(values, [1, 2]);
}

#[test]
fn what_nest_would_not_send_is_no_call() {
    assert!(matches!(Request::new("a", &()), Err(CallError::MissingData)));
    assert!(matches!(
        Request::new(serde_json::Value::Null, &1),
        Err(CallError::MissingPattern)
    ));
}
