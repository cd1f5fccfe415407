//! Connections that carry a byte at a time, and replies cut in two at every byte.

use futures_util::{StreamExt, future::join_all};
use nest_wire::{
    client::Client,
    server::{Payload, Router},
};

use crate::support::{Fault, Rig, calls, frame, settle};

const TEXT: &str = "a \"求和\" 😀 \\ é";

fn slow(at_a_time: usize) -> Fault {
    Fault {
        at_a_time,
        ..Fault::NONE
    }
}

#[tokio::test(start_paused = true)]
async fn calls_are_answered_over_a_link_that_carries_a_byte_at_a_time() {
    let rig = Rig::default();
    let router = Router::new().message("echo", async |Payload(text): Payload<String>| text);
    let client = rig.client(router, Client::builder(), |_| slow(1));
    let texts: Vec<String> = (0..50).map(|number| TEXT.repeat(number)).collect();
    let answers = join_all(texts.iter().map(|text| client.send::<String>("echo", text))).await;
    for (answer, text) in answers.into_iter().zip(&texts) {
        assert_eq!(&answer.expect("an answer"), text);
    }
    assert_eq!(rig.carried().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_is_large_goes_over_a_link_that_carries_a_few_bytes_at_a_time() {
    let rig = Rig::default();
    let router = Router::new().message("echo", async |Payload(text): Payload<String>| text);
    let client = rig.client(router, Client::builder(), |_| slow(7));
    let text = TEXT.repeat(20_000);
    let (large, small) = tokio::join!(
        client.send::<String>("echo", &text),
        client.send::<String>("echo", "small")
    );
    assert!(large.expect("an answer") == text);
    assert_eq!(small.expect("an answer"), "small");
}

#[tokio::test(start_paused = true)]
async fn replies_cut_in_two_at_any_byte_are_whole() {
    // The replies are a value, and two values of a stream, one of them with characters of all
    // lengths.
    let replies = |first: &str, second: &str| {
        let replies = [
            format!(r#"{{"response":"{}","id":"{second}"}}"#, "é求😀"),
            format!(r#"{{"response":1,"isDisposed":true,"id":"{first}"}}"#),
            format!(r#"{{"response":"end","isDisposed":true,"id":"{second}"}}"#),
        ];
        replies.map(|reply| frame(&reply)).concat().into_bytes()
    };
    let length = replies(&"0".repeat(21), &"0".repeat(21)).len();
    let (client, mut calls) = calls();
    client.connect().await.expect("a link");
    let mut peer = calls.next().await;
    for cut in 1..length {
        let values = async {
            let values = client.send_stream::<String>("b", &2).await.expect("sent");
            values.map(|value| value.expect("a value")).collect::<Vec<_>>().await
        };
        let script = async {
            let first = peer.hear_request(r#""pattern":"a","data":1"#).await;
            let second = peer.hear_request(r#""pattern":"b","data":2"#).await;
            let bytes = replies(&first, &second);
            peer.send(&bytes[..cut]).await;
            settle().await;
            peer.send(&bytes[cut..]).await;
        };
        let (answer, values, ()) = tokio::join!(client.send::<u32>("a", &1), values, script);
        assert_eq!(answer.expect("an answer"), 1, "cut at {cut}");
        assert_eq!(values, ["é求😀", "end"], "cut at {cut}");
    }
}
