//! Replies as the client reads them.

use std::error::Error;

use futures_util::StreamExt;
use nest_wire::{
    client::{CallError, Client},
    json::{self, Maybe},
    packet::RawJson,
};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};

use crate::support::{Calls, Peer, calls, frame, settle};

/// Makes one call, answered with these packets, in which `$` stands for its id.
async fn answered<T: DeserializeOwned>(packets: &[&str]) -> Result<T, CallError> {
    let (client, mut calls) = calls();
    let (answer, ()) = tokio::join!(client.send("a", &1), answer(&mut calls, packets));
    answer
}

/// Returns the values and the error, if any, of a call whose values are taken one by one.
async fn streamed<T: DeserializeOwned>(packets: &[&str]) -> Vec<Result<T, CallError>> {
    let (client, mut calls) = calls();
    let values = async { client.send_stream("a", &1).await.expect("sent").collect().await };
    let (values, ()) = tokio::join!(values, answer(&mut calls, packets));
    values
}

async fn answer(calls: &mut Calls, packets: &[&str]) {
    let mut peer = calls.next().await;
    let id = peer.hear_request(r#""pattern":"a","data":1"#).await;
    for packet in packets {
        peer.say(&packet.replace('$', &format!("\"{id}\""))).await;
    }
    settle().await;
}

#[tokio::test(start_paused = true)]
async fn of_several_values_a_call_gets_the_last_one() {
    let packets = [
        r#"{"response":1,"id":$}"#,
        r#"{"response":2,"id":$}"#,
        r#"{"response":3,"isDisposed":true,"id":$}"#,
    ];
    assert_eq!(answered::<u32>(&packets).await.expect("a value"), 3);
    let alone = [
        r#"{"response":1,"id":$}"#,
        r#"{"response":2,"id":$}"#,
        r#"{"isDisposed":true,"id":$}"#,
    ];
    assert_eq!(answered::<u32>(&alone).await.expect("a value"), 2);
    let undefined_last = [
        r#"{"response":1,"id":$}"#,
        r#"{"id":$}"#,
        r#"{"isDisposed":true,"id":$}"#,
    ];
    assert!(matches!(
        answered::<u32>(&undefined_last).await,
        Err(CallError::NoValue)
    ));
}

#[tokio::test(start_paused = true)]
async fn undefined_is_nothing_or_none_or_no_value() {
    let completion = [r#"{"isDisposed":true,"id":$}"#];
    answered::<()>(&completion).await.expect("nothing");
    assert_eq!(answered::<Option<u32>>(&completion).await.expect("none"), None);
    assert_eq!(
        answered::<Maybe<Option<u32>>>(&completion).await.expect("undefined"),
        Maybe::Undefined
    );
    assert!(matches!(answered::<Value>(&completion).await, Err(CallError::NoValue)));
    assert!(matches!(
        answered::<json::Value>(&completion).await,
        Err(CallError::NoValue)
    ));
    assert!(matches!(
        answered::<RawJson>(&completion).await,
        Err(CallError::NoValue)
    ));
    let error = answered::<u32>(&completion).await.expect_err("no number");
    assert!(matches!(error, CallError::NoValue));
    assert_eq!(error.to_string(), "the service answered without a value");
    let null = [r#"{"response":null,"isDisposed":true,"id":$}"#];
    assert_eq!(answered::<Option<u32>>(&null).await.expect("none"), None);
    assert_eq!(
        answered::<Maybe<Option<u32>>>(&null).await.expect("null"),
        Maybe::Value(None)
    );
    assert_eq!(answered::<Value>(&null).await.expect("null"), Value::Null);
    assert_eq!(answered::<json::Value>(&null).await.expect("null"), json::Value::Null);
    assert_eq!(answered::<RawJson>(&null).await.expect("null"), RawJson::null());
    assert!(matches!(answered::<u32>(&null).await, Err(CallError::Decode(_))));
}

#[derive(Debug, Deserialize)]
struct User {
    name: String,
}

#[tokio::test(start_paused = true)]
async fn a_value_of_another_type_is_told_with_its_cause() {
    let named = [r#"{"response":{"name":"Ada","more":[]},"isDisposed":true,"id":$}"#];
    assert_eq!(answered::<User>(&named).await.expect("a user").name, "Ada");
    let nameless = [r#"{"response":{"nom":"Ada"},"isDisposed":true,"id":$}"#];
    let error = answered::<User>(&nameless).await.expect_err("no user");
    assert_eq!(error.to_string(), "the answer is not of the expected type");
    let cause = error.source().expect("a cause").to_string();
    assert_eq!(cause, "missing field `name` at line 1 column 13");
}

#[tokio::test(start_paused = true)]
async fn an_error_may_be_of_any_json_type() {
    for err in [
        "\"text\"",
        "1",
        "true",
        "[]",
        "{}",
        r#"{"status":"error","message":"no"}"#,
    ] {
        let packet = format!(r#"{{"err":{err},"isDisposed":true,"id":$}}"#);
        match answered::<u32>(&[&packet]).await {
            Err(CallError::Rpc(error)) => assert_eq!(error.err().as_str(), err),
            other => panic!("{err}: {other:?}"),
        }
    }
    let no_handler =
        r#"{"id":$,"status":"error","err":"There is no matching message handler defined in the remote service."}"#;
    let error = answered::<u32>(&[no_handler]).await.expect_err("nobody");
    assert!(error.is_no_handler(), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn a_falsy_error_is_none() {
    for err in ["\"\"", "0", "-0.0", "false", "null"] {
        let packet = format!(r#"{{"err":{err},"response":7,"isDisposed":true,"id":$}}"#);
        assert_eq!(answered::<u32>(&[&packet]).await.expect(err), 7);
    }
}

#[tokio::test(start_paused = true)]
async fn an_error_ends_the_call_whatever_comes_with_it() {
    let values = streamed::<u32>(&[
        r#"{"response":1,"id":$}"#,
        r#"{"err":"no","response":2,"id":$}"#,
        r#"{"response":3,"id":$}"#,
    ])
    .await;
    assert!(matches!(&values[..], [Ok(1), Err(CallError::Rpc(_))]), "{values:?}");
}

#[tokio::test(start_paused = true)]
async fn a_foreign_reply_is_the_value_as_a_whole() {
    let value = answered::<Value>(&[r#"{"id":$,"total":7}"#]).await.expect("a value");
    assert_eq!(value["total"], 7);
    let value = answered::<Value>(&[r#"{"response":1,"more":2,"err":"x","id":$}"#]).await;
    assert_eq!(value.expect("a value")["err"], "x");
}

#[tokio::test(start_paused = true)]
async fn values_come_as_a_stream() {
    let values = streamed::<u32>(&[
        r#"{"response":1,"id":$}"#,
        r#"{"response":2,"id":$}"#,
        r#"{"response":3,"isDisposed":true,"id":$}"#,
        r#"{"response":4,"id":$}"#,
    ])
    .await;
    assert!(matches!(&values[..], [Ok(1), Ok(2), Ok(3)]), "{values:?}");
    let values = streamed::<u32>(&[r#"{"response":1,"id":$}"#, r#"{"isDisposed":true,"id":$}"#]).await;
    assert!(matches!(&values[..], [Ok(1)]), "{values:?}");
    let values = streamed::<u32>(&[r#"{"isDisposed":true,"id":$}"#]).await;
    assert!(values.is_empty(), "{values:?}");
    let values = streamed::<Option<u32>>(&[r#"{"id":$}"#, r#"{"isDisposed":true,"id":$}"#]).await;
    assert!(matches!(&values[..], [Ok(None)]), "{values:?}");
}

#[tokio::test(start_paused = true)]
async fn a_stream_ends_with_its_first_value_of_another_type() {
    let values = streamed::<u32>(&[
        r#"{"response":1,"id":$}"#,
        r#"{"response":"x","id":$}"#,
        r#"{"response":3,"isDisposed":true,"id":$}"#,
    ])
    .await;
    assert!(matches!(&values[..], [Ok(1), Err(CallError::Decode(_))]), "{values:?}");
}

#[tokio::test(start_paused = true)]
async fn replies_to_nobody_change_nothing() {
    let value = answered::<Value>(&[
        r#"{"response":"another's","isDisposed":true,"id":"000000000000000000000"}"#,
        r#"{"response":"a number's","isDisposed":true,"id":7}"#,
        r#"{"response":"nobody's","isDisposed":true}"#,
        "null",
        "[]",
        r#"{"response":"mine","isDisposed":true,"id":$}"#,
    ])
    .await;
    assert_eq!(value.expect("a value"), json!("mine"));
}

async fn two_calls(client: &Client) -> (u32, u32) {
    let (first, second) = tokio::join!(client.send("a", &1), client.send("a", &2));
    (first.expect("a value"), second.expect("a value"))
}

/// Expects both calls of [`two_calls`]. Returns the replies to them, as one text.
async fn hear_two_calls(calls: &mut Calls) -> (Peer, String) {
    let mut peer = calls.next().await;
    let first = peer.hear_request(r#""pattern":"a","data":1"#).await;
    let second = peer.hear_request(r#""pattern":"a","data":2"#).await;
    let replies = [
        frame(&format!(r#"{{"response":0,"id":"{first}"}}"#)),
        frame(&format!(r#"{{"response":20,"isDisposed":true,"id":"{second}"}}"#)),
        frame(&format!(r#"{{"response":10,"isDisposed":true,"id":"{first}"}}"#)),
    ];
    (peer, replies.concat())
}

#[tokio::test(start_paused = true)]
async fn replies_may_come_at_once_or_byte_by_byte() {
    let (client, mut calls) = calls();
    let script = async {
        let (mut peer, replies) = hear_two_calls(&mut calls).await;
        peer.send(replies).await;
        peer
    };
    let (values, peer) = tokio::join!(two_calls(&client), script);
    assert_eq!(values, (10, 20));
    drop(peer);
    settle().await;
    let script = async {
        let (mut peer, replies) = hear_two_calls(&mut calls).await;
        for byte in replies.bytes() {
            peer.send([byte]).await;
            settle().await;
        }
    };
    assert_eq!(tokio::join!(two_calls(&client), script).0, (10, 20));
}

#[tokio::test(start_paused = true)]
async fn many_calls_find_their_answers() {
    const CALLS: u32 = 3000;
    let (client, mut calls) = calls();
    let script = async {
        let mut peer = calls.next().await;
        let mut replies = Vec::new();
        for _ in 0..CALLS {
            let request: Value = serde_json::from_str(&peer.take_text().await).expect("JSON");
            let reply = json!({"response": request["data"], "isDisposed": true, "id": request["id"]});
            replies.push(frame(&reply.to_string()));
        }
        replies.reverse();
        peer.send(replies.concat()).await;
    };
    let all = (0..CALLS).map(|n| {
        let client = &client;
        async move { assert_eq!(client.send::<u32>("a", &n).await.expect("a value"), n) }
    });
    tokio::join!(futures_util::future::join_all(all), script);
}
