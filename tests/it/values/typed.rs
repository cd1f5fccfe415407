//! Values between JavaScript and Rust's types: what handlers and callers read and write.

use futures_util::TryStreamExt;
use nest_wire::{
    json::{self, Maybe},
    packet::RawJson,
    server::{Metadata, Payload, Router},
};
use serde::{Deserialize, Serialize};

use crate::support::{calls, converse};

#[derive(Debug, PartialEq, Deserialize, Serialize)]
struct Item {
    name: String,
    count: i32,
    weight: f64,
}

/// Text that `JSON.parse` accepts and `serde_json` does not; `weight` is infinity.
const UNUSUAL: &str = r#"{"count":"x","name":"text \ud83d","weight":1e400,"count":-1e3}"#;

fn unusual() -> Item {
    Item {
        name: "text \u{FFFD}".to_owned(),
        count: -1000,
        weight: f64::INFINITY,
    }
}

#[tokio::test(start_paused = true)]
async fn a_handler_reads_data_and_metadata_as_javascript_does() {
    let router = Router::new().message(
        "h",
        async |Payload(item): Payload<Item>, Metadata(same): Metadata<Item>| {
            assert_eq!(item, unusual());
            assert_eq!(same, unusual());
            item.count
        },
    );
    converse(router, async |mut peer| {
        peer.say(&format!(
            r#"{{"pattern":"h","data":{UNUSUAL},"metadata":{UNUSUAL},"id":1}}"#
        ))
        .await;
        peer.hear(r#"{"response":-1000,"isDisposed":true,"id":1}"#).await;
        peer.say(r#"{"pattern":"h","data":{"name":"\ud83d","count":1.5},"metadata":{},"id":2}"#)
            .await;
        peer.hear(concat!(
            r#"{"err":{"status":"error","message":"invalid payload at `count`: "#,
            r#"invalid type: floating point `1.5`, expected i32 at line 1 column 28"},"isDisposed":true,"id":2}"#
        ))
        .await;
    })
    .await
    .expect("served");
}

#[tokio::test(start_paused = true)]
async fn a_caller_reads_answers_and_streams_as_javascript_does() {
    let (client, mut calls) = calls();
    let asked = async {
        let item: Item = client.send("a", &1).await.expect("an item");
        let items: Vec<Item> = client
            .send_stream("a", &1)
            .await
            .expect("sent")
            .try_collect()
            .await
            .expect("items");
        (item, items)
    };
    let answers = async {
        let mut peer = calls.next().await;
        for _ in 0..2 {
            let id = peer.hear_request(r#""pattern":"a","data":1"#).await;
            peer.say(&format!(r#"{{"response":{UNUSUAL},"isDisposed":true,"id":"{id}"}}"#))
                .await;
        }
        peer
    };
    let ((item, items), _) = tokio::join!(asked, answers);
    assert_eq!(item, unusual());
    assert_eq!(items, [unusual()]);
}

#[tokio::test(start_paused = true)]
async fn integers_are_answered_digit_for_digit() {
    let router = Router::new()
        .message("h", async |Payload(id): Payload<u64>| id)
        .message("in a list", async |Payload(id): Payload<i128>| vec![id]);
    converse(router, async |mut peer| {
        peer.say(&format!(r#"{{"pattern":"h","data":{},"id":1}}"#, u64::MAX))
            .await;
        peer.hear(&format!(r#"{{"response":{},"isDisposed":true,"id":1}}"#, u64::MAX))
            .await;
        peer.say(&format!(r#"{{"pattern":"in a list","data":{},"id":1}}"#, i128::MIN))
            .await;
        peer.hear(&format!(r#"{{"response":[{}],"isDisposed":true,"id":1}}"#, i128::MIN))
            .await;
    })
    .await
    .expect("served");
}

#[tokio::test(start_paused = true)]
async fn an_identity_tells_undefined_from_null() {
    let router = Router::new()
        .message("h", async |data: Maybe<Payload<json::Value>>| data)
        .message("raw", async |data: Maybe<RawJson>| data);
    converse(router, async |mut peer| {
        for pattern in ["h", "raw"] {
            peer.say(&format!(r#"{{"pattern":"{pattern}","id":1}}"#)).await;
            peer.hear(r#"{"isDisposed":true,"id":1}"#).await;
            for value in ["null", "0", r#""\ud83d""#, r#"{"a":[null]}"#] {
                peer.say(&format!(r#"{{"pattern":"{pattern}","data":{value},"id":1}}"#))
                    .await;
                peer.hear(&format!(r#"{{"response":{value},"isDisposed":true,"id":1}}"#))
                    .await;
            }
        }
        peer.say(r#"{"pattern":"h","data":{"b":1.0,"1":-0},"id":1}"#).await;
        peer.hear(r#"{"response":{"1":0,"b":1},"isDisposed":true,"id":1}"#)
            .await;
    })
    .await
    .expect("served");
}

#[tokio::test(start_paused = true)]
async fn a_stream_gives_undefined_as_an_item() {
    let (client, mut calls) = calls();
    let asked = async {
        let values = client.send_stream::<Maybe<Option<u32>>>("a", &1).await.expect("sent");
        values.try_collect::<Vec<_>>().await.expect("values")
    };
    let answers = async {
        let mut peer = calls.next().await;
        let id = peer.hear_request(r#""pattern":"a","data":1"#).await;
        for packet in [
            r#"{"id":$}"#,
            r#"{"response":null,"id":$}"#,
            r#"{"response":1,"id":$}"#,
            r#"{"isDisposed":true,"id":$}"#,
        ] {
            peer.say(&packet.replace('$', &format!("\"{id}\""))).await;
        }
        peer
    };
    let (values, _) = tokio::join!(asked, answers);
    assert_eq!(values, [Maybe::Undefined, Maybe::Value(None), Maybe::Value(Some(1))]);
}
