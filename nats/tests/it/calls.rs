//! Our client calls our service.

use std::{collections::BTreeMap, sync::Mutex, time::Duration};

use async_nats::HeaderMap;
use futures_util::{StreamExt, TryStreamExt, stream};
use nest_wire::{
    packet::RpcError,
    pattern::Pattern,
    server::{Context, Metadata, Payload, ReplyStream, Router, extract::Extension},
};
use nest_wire_nats::CallError;

use crate::support::Nats;

async fn sum(Payload(numbers): Payload<Vec<f64>>) -> f64 {
    numbers.iter().sum()
}

#[tokio::test]
async fn a_message_is_answered() {
    let nats = Nats::start().await;
    let object = || Pattern::object([("cmd", "sum"), ("b", "x")]);
    let router = Router::new()
        .message("sum", sum)
        .message(object(), sum)
        .message("nothing", async || ())
        .message("fails", async || Err::<(), _>(RpcError::new("no")));
    let _service = nats.serve(router).await;
    let client = nats.client().await;
    let sum: f64 = client.send("sum", &[1, 2, 3]).await.expect("an answer");
    assert_eq!(sum, 6.0);
    let sum: f64 = client.send(object(), &[4]).await.expect("an answer");
    assert_eq!(sum, 4.0);
    client.send::<()>("nothing", &0).await.expect("undefined");
    assert!(matches!(
        client.send::<u8>("nothing", &0).await,
        Err(CallError::NoValue)
    ));
    let error = client.send::<()>("fails", &0).await.expect_err("an error");
    assert_eq!(error.as_rpc(), Some(&RpcError::new("no")));
}

#[tokio::test]
async fn values_of_a_stream_come_in_order() {
    let nats = Nats::start().await;
    let count = async |Payload(end): Payload<u32>| ReplyStream::new(stream::iter(0..end));
    let failing = async || ReplyStream::fallible(stream::iter([Ok(1), Err(RpcError::new("no"))]));
    let _service = nats
        .serve(Router::new().message("count", count).message("failing", failing))
        .await;
    let client = nats.client().await;
    for end in [0, 1, 1_000] {
        let values = client.send_stream::<u32>("count", &end).await.expect("it is sent");
        let values: Vec<u32> = values.try_collect().await.expect("no error");
        assert_eq!(values, (0..end).collect::<Vec<_>>());
    }
    let mut values = client.send_stream::<u32>("failing", &0).await.expect("it is sent");
    assert_eq!(values.next().await.expect("a value").expect("no error"), 1);
    let error = values.next().await.expect("an error").expect_err("no value");
    assert_eq!(error.as_rpc(), Some(&RpcError::new("no")));
    assert!(values.next().await.is_none());
    assert_eq!(client.send::<u32>("count", &3).await.expect("the last value"), 2);
}

#[tokio::test]
async fn events_of_one_subject_are_handled_in_order() {
    let nats = Nats::start().await;
    let (sender, mut seen) = tokio::sync::mpsc::unbounded_channel();
    let note = async move |Payload(number): Payload<u32>| {
        let _ = sender.send(number);
    };
    let _service = nats.serve(Router::new().event("note", note)).await;
    let client = nats.client().await;
    for number in 0..1_000 {
        client.emit("note", &number).await.expect("it is sent");
    }
    for number in 0..1_000 {
        assert_eq!(seen.recv().await, Some(number));
    }
}

#[tokio::test]
async fn a_wildcard_has_the_subject_in_its_context() {
    let nats = Nats::start().await;
    let subject = async |context: Context| context.pattern.map(|pattern| pattern.to_string());
    let _service = nats
        .serve(Router::new().message("user.*", subject).message("deep.>", subject))
        .await;
    let client = nats.client().await;
    for pattern in ["user.42", "deep.a.b", "user.*"] {
        let answer: String = client.send(pattern, &0).await.expect("an answer");
        assert_eq!(answer, pattern);
    }
}

#[tokio::test]
async fn headers_are_metadata_and_an_extension() {
    let nats = Nats::start().await;
    let shown = async |Metadata(metadata): Metadata<BTreeMap<String, String>>,
                       Extension(headers): Extension<HeaderMap>| {
        let header = headers.get("x-tenant").map(|value| value.as_str().to_owned());
        (metadata, header)
    };
    let _service = nats.serve(Router::new().message("shown", shown)).await;
    let client = nats.client().await;
    let mut headers = HeaderMap::new();
    headers.insert("x-tenant", "acme");
    let request = client
        .request("shown")
        .headers(headers)
        .metadata(&[("trace", "1")].into_iter().collect::<BTreeMap<_, _>>());
    let (metadata, header): (BTreeMap<String, String>, String) = request.send().await.expect("an answer");
    assert_eq!(header, "acme");
    let expected = [("trace", "1"), ("x-tenant", "acme")];
    assert_eq!(
        metadata
            .iter()
            .map(|(k, v)| (k.as_str(), v.as_str()))
            .collect::<Vec<_>>(),
        expected
    );
}

#[tokio::test]
async fn nobody_subscribes_is_reported_at_once() {
    let nats = Nats::start().await;
    let client = nats.client().await;
    let error = client.send::<()>("nobody", &0).await.expect_err("nobody");
    assert!(
        matches!(&error, CallError::NoResponders(subject) if subject == "nobody"),
        "{error}"
    );
    assert!(error.is_unsent());
    let values = client.send_stream::<()>("nobody", &0).await.expect("it is sent");
    let error = values.try_collect::<Vec<()>>().await.expect_err("nobody");
    assert!(matches!(error, CallError::NoResponders(_)), "{error}");
}

#[tokio::test]
async fn each_message_goes_to_one_member_of_a_queue() {
    let nats = Nats::start().await;
    static SEEN: Mutex<[u32; 2]> = Mutex::new([0; 2]);
    let router =
        |member: usize| Router::new().message("count", async move || SEEN.lock().expect("no panic")[member] += 1);
    let _members = [
        nats.serve_as(router(0), |serve| serve.queue("q")).await,
        nats.serve_as(router(1), |serve| serve.queue("q")).await,
    ];
    let client = nats.client().await;
    for _ in 0..1_000 {
        client.send::<()>("count", &0).await.expect("an answer");
    }
    let [one, other] = *SEEN.lock().expect("no panic");
    assert_eq!(one + other, 1_000);
    assert!((400..=600).contains(&one), "{one} and {other}");
}

#[tokio::test]
async fn a_call_that_is_not_answered_times_out() {
    let nats = Nats::start().await;
    let _service = nats
        .serve(Router::new().message("never", async || std::future::pending::<()>().await))
        .await;
    let client = nats.client().await.with_timeout(Duration::from_millis(50));
    assert!(
        client
            .send::<()>("never", &0)
            .await
            .expect_err("no answer")
            .is_timeout()
    );
    let values = client.send_stream::<()>("never", &0).await.expect("it is sent");
    assert!(
        values
            .try_collect::<Vec<()>>()
            .await
            .expect_err("no answer")
            .is_timeout()
    );
}
