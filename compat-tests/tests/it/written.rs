//! Our client writes the same bytes as Nest's client, for any call.

use compat_tests::{Environment, Implementation, Tap, Transcript, ask_client, on_each_major};
use nest_wire::{
    Compat,
    client::{CallError, Client},
    json,
    pattern::Pattern,
    recording::{Event, Side},
};
use nest_wire_harness::App;

on_each_major!(our_client_writes_what_is_written_by, written);

/// Operation, pattern and data, as JSON texts.
const CALLS: &[(&str, &str, &str)] = &[
    ("emit", r#""log""#, r#""求和 😀""#),
    ("emit", r#"{"cmd":"sum"}"#, "[1,2]"),
    ("emit", r#"{"role":"admin","cmd":"who"}"#, "1"),
    ("emit", r#"{"b":1,"A":{"z":"x","Y":2.0},"10":true,"a":null}"#, "{}"),
    (
        "emit",
        r#"{"service":"users","Cmd":"get","_v":1,"é":2,"Z":3,"a":4}"#,
        "0",
    ),
    ("emit", "42", "false"),
    ("emit", "1e21", r#""""#),
    ("emit", r#"["b","a"]"#, "[]"),
    (
        "send",
        r#""echo""#,
        r#"{"b":1.0,"10":[null,true],"9":"\u2028\ud800","a":{"":-0}}"#,
    ),
    (
        "send",
        r#""echo""#,
        r#"[1e21,1e-7,0.1,123456789012345680000,9007199254740993]"#,
    ),
    ("send", r#""echo""#, r#""\u0000\u001f\u007f\"\\\/é""#),
    ("send", r#""echo""#, "0"),
    ("send", r#""echo""#, r#""""#),
    ("send", r#""echo""#, "false"),
    ("send", r#"{"role":"admin","cmd":"who"}"#, "1"),
    ("send", r#"{"Z":3,"b":{"y":1,"x":2},"1":1.50}"#, "1"),
    ("send", "42", "1"),
    ("send", r#"["b","a"]"#, "1"),
    ("send", r#""{\"cmd\":\"sum\"}""#, "[1]"),
    ("send", "{}", "1"),
    // Since Nest 11, a route escapes the contents of its strings, and has limits.
    ("emit", r#"{"a":"x\"y\\z","k\"ey":1}"#, "1"),
    ("emit", r#"{"a":{"a":{"a":{"a":{"a":{"a":{"a":1}}}}}}}"#, "1"),
];

/// The metadata of instrumentation, since 12.1.
const METADATA: &str = r#"{"traceparent":"00-求","1":[1.0]}"#;

async fn written(major: u8) {
    let has_metadata = major >= 12;
    let environment = Environment::ready().await;
    let service = environment
        .start(App::Conformance, Implementation::Nest(major), &[])
        .await;

    let mut tap = Tap::on(service.address()).await;
    let mut lines: Vec<_> = CALLS.iter().enumerate().map(line).collect();
    if has_metadata {
        lines.insert(0, format!(r#"{{"op":"metadata","metadata":{METADATA}}}"#));
    }
    ask_client(environment, major, tap.address().port(), &lines).await;
    let theirs = packets(tap.events_until_closed(&[Side::Caller]).await);

    let mut tap = Tap::on(service.address()).await;
    let config = Client::builder().compat(Compat::from_major(major).expect("a major"));
    let mut client = config.build(tap.address().to_string()).expect("a client");
    if has_metadata {
        let metadata = json::parse(METADATA).expect("JSON");
        client = client.with_metadata(&metadata).expect("it can be written");
    }
    for call in CALLS {
        make(&client, *call).await;
    }
    // The client's connection closes with it.
    drop(client);
    let ours = packets(tap.events_until_closed(&[Side::Caller]).await);
    assert_eq!(ours, theirs);
    assert_eq!(theirs.len(), CALLS.len());
}

fn line((key, (op, pattern, data)): (usize, &(&str, &str, &str))) -> String {
    format!(r#"{{"op":"{op}","key":{key},"pattern":{pattern},"data":{data}}}"#)
}

async fn make(client: &Client, (op, pattern, data): (&str, &str, &str)) {
    let pattern = Pattern::from_json(pattern).expect("JSON");
    let data = json::parse(data).expect("JSON");
    if op == "emit" {
        return client.emit(pattern, &data).await.expect("sent");
    }
    match client.send::<json::Value>(pattern, &data).await {
        // It does not matter here whether there is a handler.
        Ok(_) | Err(CallError::Rpc(_)) => {}
        Err(error) => panic!("{error}"),
    }
}

/// Returns the caller's packets without their ids, sorted, since Nest's client receives all its
/// calls at once.
fn packets(events: Vec<Event>) -> Vec<String> {
    let said = Transcript::of(events).caller.into_iter();
    let mut packets: Vec<_> = said
        .map(|text| match text.rsplit_once(r##","id":"#"##) {
            Some((packet, _)) => packet.to_owned(),
            None => text,
        })
        .collect();
    packets.sort();
    packets
}
