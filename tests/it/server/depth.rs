//! JSON nested deeper than in practice.

use nest_wire::{
    json::{MAX_DEPTH, Value},
    packet::RawJson,
    server::{Payload, Router},
};

use crate::support::converse;

#[tokio::test(start_paused = true)]
async fn a_pattern_and_data_nested_very_deep_are_survived() {
    let router = Router::new().message("deep", async |_: RawJson| "survived");
    let nested = "[".repeat(100_000) + &"]".repeat(100_000);
    converse(router, async |mut peer| {
        peer.say(&format!(r#"{{"pattern":{nested},"data":0,"id":1}}"#)).await;
        peer.hear(concat!(
            r#"{"id":1,"status":"error","#,
            r#""err":"There is no matching message handler defined in the remote service."}"#
        ))
        .await;
        peer.say(&format!(r#"{{"pattern":"deep","data":{nested},"id":2}}"#))
            .await;
        peer.hear(r#"{"response":"survived","isDisposed":true,"id":2}"#).await;
    })
    .await
    .expect("served");
}

#[tokio::test]
async fn data_nested_5000_deep_is_echoed_and_past_the_limit_refused() {
    let router = Router::new().message("echo", async |Payload(value): Payload<Value>| value);
    let nested = |depth| "[".repeat(depth) + &"]".repeat(depth);
    converse(router, async |mut peer| {
        for depth in [5_000, MAX_DEPTH] {
            let nested = nested(depth);
            peer.say(&format!(r#"{{"pattern":"echo","data":{nested},"id":1}}"#))
                .await;
            peer.hear(&format!(r#"{{"response":{nested},"isDisposed":true,"id":1}}"#))
                .await;
        }
        let too_deep = nested(MAX_DEPTH + 1);
        peer.say(&format!(r#"{{"pattern":"echo","data":{too_deep},"id":2}}"#))
            .await;
        peer.hear(concat!(
            r#"{"err":{"status":"error","message":"invalid payload: "#,
            r#"JSON text nested deeper than 10000 at byte 10000"},"isDisposed":true,"id":2}"#
        ))
        .await;
    })
    .await
    .expect("served");
}
