//! What a caller sees of a service's replies: Nest's `ClientTCP` and our `Client`.

use std::{collections::HashMap, process::Stdio, time::Duration};

use compat_tests::on_each_major;
use futures_util::{StreamExt, future::join_all};
use nest_wire::{
    Compat,
    client::{CallError, Client},
    json::{self, Maybe, Value},
};
use nest_wire_harness::App;
use proptest::strategy::Strategy;
use serde_json::{json, value::RawValue};

use crate::{
    cases::{Cases, Difference, shown},
    peers::{Oracle, harness},
    script::{Script, script},
    scripted_service::ScriptedService,
};

const CASES: usize = 2_000;

/// The deliveries of one call, in order: `value …`, and at last `error …` or `complete`.
type Delivered = Vec<String>;

on_each_major!(
    whatever_a_service_answers_the_caller_sees_what_is_seen_by,
    callers_see_the_same
);

async fn callers_see_the_same(major: u8) {
    let service = ScriptedService::start().await;
    let mut nest = nests_client(&service, major).await;
    let compat = Compat::from_major(major).expect("a major that is pinned");
    let config = Client::builder().compat(compat).timeout(Duration::from_secs(10));
    let ours = config.build(service.address.to_string()).expect("a client");

    // Callers of 7 and 8 wait for ever when their connection is lost, so it is never lost.
    let script = script().prop_map(move |script| {
        if compat < Compat::Nest9 {
            script.without_loss()
        } else {
            script
        }
    });
    Cases::from_major(major, CASES, script)
        .run(1, async |scripts| {
            let script = &scripts[0];
            let number = service.learn(script.clone());
            let calls = script.callers();
            let both = tokio::join!(nests_calls(&mut nest, number, calls), our_calls(&ours, number, calls));
            let (nest, ours) = (without_ids(both.0), without_ids(both.1));
            (nest != ours).then(|| Difference {
                at: 0,
                input: shown_script(script),
                nest: format!("{nest:?}"),
                ours: format!("{ours:?}"),
            })
        })
        .await;
}

fn shown_script(script: &Script) -> String {
    let ids: Vec<_> = (0..script.calls).map(|call| format!("\"call {call}\"")).collect();
    let segments = shown(&script.segments(&ids));
    format!("{segments} to {} calls, then {:?}", script.calls, script.end)
}

async fn nests_client(service: &ScriptedService, major: u8) -> Oracle {
    let mut command = harness(&[major]).await.node(App::ClientTcp, major);
    command.args(["--port", &service.address.port().to_string()]);
    // The client reports each broken frame on standard error, and the scripts send hundreds.
    command.stderr(Stdio::null());
    let mut oracle = Oracle::spawn(command);
    assert_eq!(oracle.hear().await, r#"{"ready":true}"#);
    // Before it is connected, the client of 7 opens a connection for each call.
    oracle.tell("{\"op\":\"connect\"}\n").await;
    assert_eq!(oracle.hear().await, r#"{"key":"connect","complete":true}"#);
    oracle
}

async fn nests_calls(oracle: &mut Oracle, script: usize, calls: usize) -> Vec<Delivered> {
    let send = |key| json!({ "op": "send", "key": key, "pattern": "call", "data": [script, key] }).to_string() + "\n";
    oracle.tell(&(0..calls).map(send).collect::<String>()).await;
    let mut delivered = vec![Delivered::new(); calls];
    let mut open = calls;
    while open > 0 {
        let line = oracle.hear().await;
        let said: HashMap<String, &RawValue> = serde_json::from_str(&line).expect("the oracle answers in its format");
        let (item, is_last) = if let Some(value) = said.get("next") {
            (format!("value {value}"), false)
        } else if said.contains_key("next_undefined") {
            (UNDEFINED.to_owned(), false)
        } else if let Some(error) = said.get("error") {
            (format!("error {error}"), true)
        } else {
            ("complete".to_owned(), true)
        };
        let call: usize = said["key"].get().parse().expect("the key that was given");
        delivered[call].push(item);
        open -= usize::from(is_last);
    }
    delivered
}

const UNDEFINED: &str = "undefined";

async fn our_calls(client: &Client, script: usize, calls: usize) -> Vec<Delivered> {
    let mut streams = Vec::new();
    for call in 0..calls {
        let stream = client.send_stream::<Maybe<Value>>("call", &[script, call]).await;
        streams.push(stream.expect("the service is there"));
    }
    let delivered = streams.into_iter().map(|stream| async {
        let mut items: Delivered = stream
            .map(|item| item.map_or_else(|error| shown_error(&error), |value| shown_value(&value)))
            .collect()
            .await;
        if items.last().is_none_or(|last| !last.starts_with("error ")) {
            items.push("complete".to_owned());
        }
        items
    });
    join_all(delivered).await
}

/// Removes ids: each side gives its calls its own ids, and foreign replies are delivered with them.
fn without_ids(mut delivered: Vec<Delivered>) -> Vec<Delivered> {
    let is_id = |text: &str| {
        let is_digit = |byte: u8| byte.is_ascii_hexdigit() || byte == b'-';
        matches!(text.len(), 21 | 36) && text.bytes().all(is_digit)
    };
    for item in delivered.iter_mut().flatten() {
        let pieces: Vec<_> = item
            .split('"')
            .map(|piece| if is_id(piece) { "its id" } else { piece })
            .collect();
        *item = pieces.join("\"");
    }
    delivered
}

fn shown_value(value: &Maybe<Value>) -> String {
    match value {
        Maybe::Undefined => UNDEFINED.to_owned(),
        Maybe::Value(value) => format!("value {value}"),
    }
}

/// Returns an error in the form in which the oracle shows the thrown value.
fn shown_error(error: &CallError) -> String {
    match error {
        CallError::Rpc(error) => match json::parse(error.err().as_str()) {
            Ok(err) => format!("error {err}"),
            Err(fault) => format!("error that is no JSON: {fault}"),
        },
        CallError::ConnectionClosed(_) => format!("error {}", json!({ "message": error.to_string() })),
        _ => format!("error of another kind: {error:?}"),
    }
}
