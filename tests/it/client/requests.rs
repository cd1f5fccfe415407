//! The packets that the client sends.

use std::collections::HashMap;

use nest_wire::{
    client::{CallError, Client},
    pattern::Pattern,
};
use serde_json::json;

use crate::support::calls;

#[tokio::test(start_paused = true)]
async fn a_request_is_pattern_data_and_a_new_id() {
    let (client, mut calls) = calls();
    let script = async {
        let mut peer = calls.next().await;
        peer.expect(r#"63#{"pattern":"sum","data":[1,2,3.5],"id":""#).await;
        let id = String::from_utf8(peer.take(21).await).expect("ASCII");
        peer.expect("\"}").await;
        peer.send(format!(r#"63#{{"response":6.5,"isDisposed":true,"id":"{id}"}}"#))
            .await;
        peer.expect_silence().await;
    };
    let (sum, ()) = tokio::join!(client.send::<f64>("sum", &[1.0, 2.0, 3.5]), script);
    assert_eq!(sum.expect("an answer"), 6.5);
}

#[tokio::test(start_paused = true)]
async fn each_request_has_its_own_id_and_all_share_one_link() {
    let (client, mut calls) = calls();
    let script = async {
        let mut peer = calls.next().await;
        let first = peer.hear_request(r#""pattern":"next","data":0"#).await;
        let second = peer.hear_request(r#""pattern":"next","data":0"#).await;
        assert_ne!(first, second);
        // The replies are in another order than the requests.
        for (value, id) in [(2, second), (1, first)] {
            peer.say(&format!(r#"{{"response":{value},"isDisposed":true,"id":"{id}"}}"#))
                .await;
        }
    };
    let other = client.clone();
    let (first, second, ()) = tokio::join!(client.send::<u32>("next", &0), other.send::<u32>("next", &0), script);
    assert_eq!((first.expect("an answer"), second.expect("an answer")), (1, 2));
    calls.expect_none().await;
}

#[tokio::test(start_paused = true)]
async fn a_requests_pattern_goes_as_it_was_given() {
    let (client, mut calls) = calls();
    let pattern = Pattern::object([("role", "math"), ("cmd", "求")]);
    let script = async {
        let mut peer = calls.next().await;
        let id = peer
            .hear_request(r#""pattern":{"role":"math","cmd":"求"},"data":{"a":"😀"}"#)
            .await;
        peer.say(&format!(r#"{{"isDisposed":true,"id":"{id}"}}"#)).await;
    };
    let data = json!({"a": "😀"});
    let (answer, ()) = tokio::join!(client.send::<()>(pattern, &data), script);
    answer.expect("an answer");
}

#[tokio::test(start_paused = true)]
async fn an_event_goes_to_the_route_and_has_no_id() {
    let (client, mut calls) = calls();
    let pattern = Pattern::object([("role", "math"), ("cmd", "log")]);
    let script = async {
        let mut peer = calls.next().await;
        peer.expect(r#"61#{"pattern":"{\"cmd\":\"log\",\"role\":\"math\"}","data":"求和"}"#)
            .await;
        peer.expect(r#"27#{"pattern":"42","data":[1]}"#).await;
        peer.expect_silence().await;
    };
    let events = async {
        client.emit(pattern, "求和").await.expect("sent");
        client.emit(42, &[1.0]).await.expect("sent");
    };
    tokio::join!(events, script);
}

#[tokio::test(start_paused = true)]
async fn missing_data_is_refused_before_anything_is_connected() {
    let (client, mut calls) = calls();
    let sent = client.send::<()>("a", &()).await;
    assert!(matches!(sent, Err(CallError::MissingData)), "{sent:?}");
    let sent = client.send::<()>("a", &None::<u32>).await;
    assert!(matches!(sent, Err(CallError::MissingData)), "{sent:?}");
    let sent = client.send_stream::<()>("a", &f64::NAN).await;
    assert!(matches!(sent, Err(CallError::MissingData)), "what NaN is written as");
    let sent = client.emit("a", &json!(null)).await;
    assert!(matches!(sent, Err(CallError::MissingData)), "{sent:?}");
    let sent = client.emit(json!(null), &1).await;
    assert!(matches!(sent, Err(CallError::MissingPattern)), "{sent:?}");
    let sent = client.send::<()>(json!(null), &1).await;
    assert!(matches!(sent, Err(CallError::MissingPattern)), "{sent:?}");
    calls.expect_none().await;
}

#[tokio::test(start_paused = true)]
async fn falsy_data_is_data() {
    let (client, mut calls) = calls();
    let script = async {
        let mut peer = calls.next().await;
        peer.expect(r#"24#{"pattern":"a","data":0}28#{"pattern":"a","data":false}25#{"pattern":"a","data":""}"#)
            .await;
    };
    let events = async {
        client.emit("a", &0).await.expect("sent");
        client.emit("a", &false).await.expect("sent");
        client.emit("a", "").await.expect("sent");
    };
    tokio::join!(events, script);
}

#[tokio::test(start_paused = true)]
async fn data_that_cannot_be_serialised_is_the_callers_fault() {
    let (client, mut calls) = calls();
    let sent = client.emit("a", &HashMap::from([(vec![1], 1)])).await;
    assert!(matches!(sent, Err(CallError::Encode(_))), "{sent:?}");
    calls.expect_none().await;
}

#[tokio::test(start_paused = true)]
async fn a_client_connects_only_when_it_is_used() {
    let (client, mut calls) = calls();
    calls.expect_none().await;
    let unpolled = client.send::<()>("a", &1);
    calls.expect_none().await;
    drop(unpolled);
    calls.expect_none().await;
}

#[test]
fn the_futures_of_a_client_can_be_spawned() {
    fn is_send<T: Send>(_: T) {}
    let client = Client::new("localhost:1");
    is_send(client.send::<u32>("a", &1));
    is_send(client.send_stream::<u32>("a", &1));
    is_send(client.emit("a", &1));
}
