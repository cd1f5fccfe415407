//! Calls that end with the first value of their reply and ignore the rest.

use nest_wire::client::{CallError, Client};
use serde_json::json;

use crate::support::{Peer, calls, calls_with, settle};

/// Makes a call for the first value, which is answered with these packets. Returns its outcome and
/// the call's id.
async fn first(client: &Client, peer: &mut Peer, packets: &[&str]) -> (Result<Option<u32>, CallError>, String) {
    tokio::join!(client.send_first("a", &1), async {
        let id = peer.hear_request(r#""pattern":"a","data":1"#).await;
        for packet in packets {
            peer.say(&packet.replace('$', &format!("\"{id}\""))).await;
        }
        id
    })
}

#[tokio::test(start_paused = true)]
async fn a_call_for_the_first_value_ends_with_it_although_the_service_never_completes() {
    let (client, mut calls) = calls();
    client.connect().await.expect("connected");
    let mut peer = calls.next().await;
    let (value, _) = first(&client, &mut peer, &[r#"{"response":1,"id":$}"#]).await;
    assert_eq!(value.expect("a value"), Some(1));
}

#[tokio::test(start_paused = true)]
async fn what_comes_after_the_first_value_is_ignored_and_the_connection_goes_on() {
    // With one request at a time, the permit of a call must be released as soon as the call has its
    // value.
    let (client, mut calls) = calls_with(Client::builder().max_in_flight(1), 64 * 1024);
    client.connect().await.expect("connected");
    let mut peer = calls.next().await;
    let later = [
        r#"{"response":2,"id":$}"#,
        r#"{"err":{"status":"error","message":"the service is stopping"},"isDisposed":true,"id":$}"#,
        r#"{"err":"too late","isDisposed":true,"id":$}"#,
        r#"{"isDisposed":true,"id":$}"#,
    ];
    for packets in later.map(|later| [r#"{"response":1,"id":$}"#, later]) {
        let (value, id) = first(&client, &mut peer, &packets).await;
        assert_eq!(value.expect("a value"), Some(1), "{packets:?}");
        settle().await;
        peer.say(&format!(r#"{{"response":3,"id":"{id}"}}"#)).await;
    }
    let (last, _) = tokio::join!(client.send::<u32>("b", &1), async {
        let id = peer.hear_request(r#""pattern":"b","data":1"#).await;
        peer.say(&json!({"response": 4, "isDisposed": true, "id": id}).to_string())
            .await;
    });
    assert_eq!(last.expect("the connection goes on"), 4);
    calls.expect_none().await;
}

#[tokio::test(start_paused = true)]
async fn what_comes_before_a_first_value_is_the_end_of_the_call() {
    let (client, mut calls) = calls();
    client.connect().await.expect("connected");
    let mut peer = calls.next().await;
    let (undefined, _) = first(&client, &mut peer, &[r#"{"id":$}"#, r#"{"response":2,"id":$}"#]).await;
    assert_eq!(undefined.expect("undefined is a value"), None);
    let (only, _) = first(&client, &mut peer, &[r#"{"response":7,"isDisposed":true,"id":$}"#]).await;
    assert_eq!(only.expect("a value"), Some(7));
    let (empty, _) = first(&client, &mut peer, &[r#"{"isDisposed":true,"id":$}"#]).await;
    assert_eq!(empty.expect("no value is None"), None);
    let (failed, _) = first(&client, &mut peer, &[r#"{"err":"no","isDisposed":true,"id":$}"#]).await;
    assert!(matches!(failed, Err(CallError::Rpc(_))), "{failed:?}");
    let number = async {
        let id = peer.hear_request(r#""pattern":"a","data":1"#).await;
        peer.say(&format!(r#"{{"isDisposed":true,"id":"{id}"}}"#)).await;
    };
    let (missing, ()) = tokio::join!(client.send_first::<u32>("a", &1), number);
    assert!(matches!(missing, Err(CallError::NoValue)), "{missing:?}");
}
