//! Requests and events in, replies out, byte by byte.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::SeqCst},
    },
    time::Duration,
};

use nest_wire::{
    packet::RawJson,
    pattern::Pattern,
    server::{Payload, Router, State},
};
use tokio::{sync::Notify, time::sleep};

use crate::support::{converse, frame};

async fn sum(Payload(numbers): Payload<Vec<f64>>) -> f64 {
    numbers.iter().sum()
}

async fn echo(data: RawJson) -> RawJson {
    data
}

#[tokio::test(start_paused = true)]
async fn a_request_is_answered() {
    converse(Router::new().message("sum", sum), async |mut peer| {
        peer.send(r#"48#{"pattern":"sum","data":[1,2,3.5],"id":"5ab1f0"}"#)
            .await;
        peer.expect(r#"48#{"response":6.5,"isDisposed":true,"id":"5ab1f0"}"#)
            .await;
        peer.expect_silence().await;
    })
    .await
    .expect("served");
}

#[tokio::test(start_paused = true)]
async fn a_pattern_may_be_an_object_in_any_order_of_keys() {
    let router = Router::new().message(Pattern::object([("cmd", "sum"), ("role", "math")]), sum);
    converse(router, async |mut peer| {
        peer.send(r#"59#{"pattern":{"cmd":"sum","role":"math"},"data":[1],"id":"a"}"#)
            .await;
        peer.expect(r#"41#{"response":1,"isDisposed":true,"id":"a"}"#).await;
        peer.send(r#"59#{"pattern":{"role":"math","cmd":"sum"},"data":[2],"id":"b"}"#)
            .await;
        peer.expect(r#"41#{"response":2,"isDisposed":true,"id":"b"}"#).await;
    })
    .await
    .expect("served");
}

#[tokio::test(start_paused = true)]
async fn nobody_answers_an_event() {
    let seen = Arc::new(AtomicU32::new(0));
    let router = Router::new()
        .event(
            "add",
            async |State(seen): State<Arc<AtomicU32>>, Payload(n): Payload<u32>| {
                seen.fetch_add(n, SeqCst);
            },
        )
        .message("ask", async |State(seen): State<Arc<AtomicU32>>| seen.load(SeqCst))
        .with_state(seen);
    converse(router, async |mut peer| {
        peer.send(r#"26#{"pattern":"add","data":4}26#{"pattern":"add","data":3}"#)
            .await;
        peer.send(r#"33#{"pattern":"ask","data":0,"id":1}"#).await;
        peer.expect(r#"39#{"response":7,"isDisposed":true,"id":1}"#).await;
        peer.send(r#"29#{"pattern":"nobody","data":4}"#).await;
        peer.expect_silence().await;
    })
    .await
    .expect("served");
}

#[tokio::test(start_paused = true)]
async fn an_event_runs_a_message_handler_and_a_message_an_event_handler() {
    let runs = Arc::new(AtomicU32::new(0));
    let count = async |State(runs): State<Arc<AtomicU32>>| runs.fetch_add(1, SeqCst) + 1;
    let router = Router::new()
        .message("message", count)
        .event("event", count)
        .with_state(Arc::clone(&runs));
    converse(router, async |mut peer| {
        peer.send(r#"30#{"pattern":"message","data":0}"#).await;
        peer.send(r#"35#{"pattern":"event","data":0,"id":1}"#).await;
        peer.expect(r#"39#{"response":2,"isDisposed":true,"id":1}"#).await;
        peer.expect_silence().await;
    })
    .await
    .expect("served");
}

#[tokio::test(start_paused = true)]
async fn a_message_to_nobody_is_refused() {
    converse(Router::new(), async |mut peer| {
        peer.send(r#"38#{"pattern":"nobody","data":1,"id":"x"}"#).await;
        peer.expect(concat!(
            r#"103#{"id":"x","status":"error","#,
            r#""err":"There is no matching message handler defined in the remote service."}"#
        ))
        .await;
        // With neither pattern nor data, the packet is not a message.
        peer.send(r#"10#{"id":"x"}4#null1#52#[]"#).await;
        peer.expect_silence().await;
    })
    .await
    .expect("served");
}

#[tokio::test(start_paused = true)]
async fn an_id_of_any_type_comes_back() {
    converse(Router::new().message("echo", echo), async |mut peer| {
        for (sent, returned) in [
            ("null", "null"),
            ("1.0", "1"),
            ("false", "false"),
            (r#"{"a":[1]}"#, r#"{"a":[1]}"#),
            (r#""求""#, r#""求""#),
        ] {
            peer.say(&format!(r#"{{"pattern":"echo","data":0,"id":{sent}}}"#)).await;
            peer.hear(&format!(r#"{{"response":0,"isDisposed":true,"id":{returned}}}"#))
                .await;
        }
    })
    .await
    .expect("served");
}

#[tokio::test(start_paused = true)]
async fn immediate_replies_to_one_segment_keep_the_order_of_their_requests() {
    converse(Router::new().message("echo", echo), async |mut peer| {
        let requests = (0..200).map(|n| frame(&format!(r#"{{"pattern":"echo","data":{n},"id":{n}}}"#)));
        peer.send(requests.collect::<String>()).await;
        for n in 0..200 {
            peer.hear(&format!(r#"{{"response":{n},"isDisposed":true,"id":{n}}}"#))
                .await;
        }
    })
    .await
    .expect("served");
}

#[tokio::test(start_paused = true)]
async fn a_slow_handler_delays_no_other() {
    let release = Arc::new(Notify::new());
    let router = Router::new()
        .message("slow", async |State(release): State<Arc<Notify>>| {
            release.notified().await;
            "slow"
        })
        .message("quick", async || "quick")
        .with_state(Arc::clone(&release));
    converse(router, async |mut peer| {
        peer.send(r#"34#{"pattern":"slow","data":0,"id":1}35#{"pattern":"quick","data":0,"id":2}"#)
            .await;
        peer.expect(r#"45#{"response":"quick","isDisposed":true,"id":2}"#).await;
        peer.expect_silence().await;
        release.notify_one();
        peer.expect(r#"44#{"response":"slow","isDisposed":true,"id":1}"#).await;
    })
    .await
    .expect("served");
}

#[tokio::test(start_paused = true)]
async fn many_requests_in_flight_are_answered_as_they_finish() {
    let router = Router::new().message("delay", async |Payload(ms): Payload<u64>| {
        sleep(Duration::from_millis(ms)).await;
        ms
    });
    converse(router, async |mut peer| {
        for ms in (1..=500).rev() {
            peer.say(&format!(r#"{{"pattern":"delay","data":{ms},"id":{ms}}}"#))
                .await;
        }
        for ms in 1..=500 {
            peer.hear(&format!(r#"{{"response":{ms},"isDisposed":true,"id":{ms}}}"#))
                .await;
        }
    })
    .await
    .expect("served");
}

#[tokio::test(start_paused = true)]
async fn lengths_count_utf16_units_both_ways() {
    converse(Router::new().message("echo", echo), async |mut peer| {
        peer.send(r#"38#{"pattern":"echo","data":"求😀","id":1}"#).await;
        peer.expect(r#"43#{"response":"求😀","isDisposed":true,"id":1}"#).await;
    })
    .await
    .expect("served");
}

#[tokio::test(start_paused = true)]
async fn a_reply_of_a_megabyte_is_whole() {
    converse(Router::new().message("echo", echo), async |mut peer| {
        let text = "求".repeat(1024 * 1024 / 3);
        peer.say(&format!(r#"{{"pattern":"echo","data":"{text}","id":1}}"#))
            .await;
        peer.hear(&format!(r#"{{"response":"{text}","isDisposed":true,"id":1}}"#))
            .await;
    })
    .await
    .expect("served");
}
