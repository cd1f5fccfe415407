//! Calls with data, metadata and a timeout of their own.

use std::time::Duration;

use futures_util::StreamExt;
use nest_wire::client::{CallError, Client};
use serde_json::json;

use crate::support::{Peer, calls};

/// Expects a request with these members and replies with 7.
async fn answer(peer: &mut Peer, members: &str) {
    let id = peer.hear_request(members).await;
    peer.say(&format!(r#"{{"response":7,"isDisposed":true,"id":"{id}"}}"#))
        .await;
}

#[tokio::test(start_paused = true)]
async fn the_data_of_a_built_call_is_an_empty_object_unless_it_is_set() {
    let (client, mut calls) = calls();
    client.connect().await.expect("connected");
    let mut peer = calls.next().await;
    let (value, ()) = tokio::join!(
        client.request("a").send::<u32>(),
        answer(&mut peer, r#""pattern":"a","data":{}"#)
    );
    assert_eq!(value.expect("a value"), 7);
    let (value, ()) = tokio::join!(
        client.request("a").data(&[1]).send_first::<u32>(),
        answer(&mut peer, r#""pattern":"a","data":[1]"#)
    );
    assert_eq!(value.expect("a value"), 7);
    let values = async {
        client
            .request("a")
            .send_stream::<u32>()
            .await
            .expect("sent")
            .count()
            .await
    };
    let (count, ()) = tokio::join!(values, answer(&mut peer, r#""pattern":"a","data":{}"#));
    assert_eq!(count, 1);
    client.request("a").emit().await.expect("sent");
    peer.hear(r#"{"pattern":"a","data":{}}"#).await;
}

#[tokio::test(start_paused = true)]
async fn metadata_and_timeout_are_for_one_call_alone() {
    let (client, mut calls) = calls();
    client.connect().await.expect("connected");
    let mut peer = calls.next().await;
    let metadata = json!({"t": 1});
    client.request("a").metadata(&metadata).emit().await.expect("sent");
    peer.hear(r#"{"pattern":"a","data":{},"metadata":{"t":1}}"#).await;
    client.emit("a", &1).await.expect("sent");
    peer.hear(r#"{"pattern":"a","data":1}"#).await;
    let short = Duration::from_millis(5);
    let error = client.request("a").timeout(short).send::<u32>().await;
    assert!(
        matches!(&error, Err(CallError::Timeout(error)) if error.limit() == short),
        "{error:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn what_is_wrong_with_the_data_or_the_metadata_fails_the_call_unsent() {
    struct Broken;
    impl serde::Serialize for Broken {
        fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            Err(serde::ser::Error::custom("broken"))
        }
    }
    let client = Client::new("localhost:1");
    for request in [
        client.request("a").data(&Broken),
        client.request("a").metadata(&Broken),
        client.request("a").metadata(&Broken).data(&1),
    ] {
        let sent = request.clone().send::<u32>().await;
        assert!(matches!(sent, Err(CallError::Encode(_))), "{sent:?}");
        let streamed = request.clone().send_stream::<u32>().await;
        assert!(matches!(streamed, Err(CallError::Encode(_))), "{streamed:?}");
        let emitted = request.emit().await;
        assert!(matches!(emitted, Err(CallError::Encode(_))), "{emitted:?}");
    }
    let null = client.request("a").data(&()).send::<u32>().await;
    assert!(matches!(null, Err(CallError::MissingData)), "{null:?}");
}
