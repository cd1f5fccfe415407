//! Callers: our client and Nest's send the same messages, and understand both services.

use std::collections::BTreeMap;

use async_nats::{HeaderMap, Subscriber};
use compat_tests::{Implementation, NestClient, PATIENCE};
use futures_util::{StreamExt, TryStreamExt};
use nest_wire::pattern::Pattern;
use nest_wire_harness::App;
use nest_wire_nats::{CallError, Client};
use serde_json::{Value, json};
use tokio::time::timeout;

use super::{MAJORS, Nats};

/// The calls of Nest's client, whose outcomes are compared.
const CALLS: &[&str] = &[
    r#"{"op":"send","key":1,"pattern":"sum","data":[1,2]}"#,
    r#"{"op":"send","key":2,"pattern":{"role":"admin","cmd":"who"},"data":1}"#,
    r#"{"op":"send","key":3,"pattern":"stream","data":[1,null,3]}"#,
    r#"{"op":"send","key":4,"pattern":"stream-slow","data":{"values":[1,2,3],"ms":2}}"#,
    r#"{"op":"send","key":5,"pattern":"stream-error","data":{"values":[1],"error":{"code":7}}}"#,
    r#"{"op":"send","key":6,"pattern":"nothing","data":1}"#,
    r#"{"op":"send","key":7,"pattern":"nil","data":1}"#,
    r#"{"op":"send","key":8,"pattern":"rpc-error","data":"no"}"#,
    r#"{"op":"send","key":9,"pattern":"error","data":1}"#,
    r#"{"op":"send","key":10,"pattern":"user.42","data":1}"#,
    r#"{"op":"send","key":11,"pattern":"header","data":"x-a","headers":{"x-a":"v"}}"#,
    r#"{"op":"send","key":12,"pattern":"nobody","data":1}"#,
    r#"{"op":"send","key":13,"pattern":"with space","data":1}"#,
    r#"{"op":"send","key":14,"pattern":"note","data":1}"#,
    r#"{"op":"send","key":15,"pattern":"sum"}"#,
];

#[tokio::test]
async fn nests_client_gets_from_us_what_it_gets_from_nest() {
    for major in MAJORS {
        let nats = Nats::start().await;
        let mut outcomes = Vec::new();
        for make in [Implementation::Nest(major), Implementation::Rust] {
            let _service = nats.serve(make, "").await;
            outcomes.push(outcomes_of_nests_client(&nats, major).await);
        }
        assert_eq!(outcomes[0].len(), calls(major).len(), "{:#?}", outcomes[0]);
        assert_eq!(outcomes[0], outcomes[1], "Nest {major}");
    }
}

async fn outcomes_of_nests_client(nats: &Nats, major: u8) -> BTreeMap<String, Vec<String>> {
    let flags = ["--nats", &nats.server.url()];
    let mut client = NestClient::start_as(nats.environment, App::ClientNats, major, &flags).await;
    client.tell(&calls(major)).await;
    let mut outcomes: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for line in client.end().await {
        let value: Value = serde_json::from_str(&line).expect("a line of JSON");
        outcomes.entry(value["key"].to_string()).or_default().push(line);
    }
    outcomes
}

/// Nest 11 sends a subject with a space as it is, and the server closes its connection.
fn calls(major: u8) -> Vec<String> {
    let is_sent = |line: &&&str| major > 11 || !line.contains("with space");
    CALLS.iter().filter(is_sent).map(|line| (*line).to_owned()).collect()
}

#[tokio::test]
async fn our_client_understands_nests_service() {
    for major in MAJORS {
        let nats = Nats::start().await;
        let _service = nats.serve(Implementation::Nest(major), "").await;
        let client = Client::new(nats.connection().await);
        understands(&client).await;
    }
}

#[tokio::test]
async fn our_client_understands_our_service() {
    let nats = Nats::start().await;
    let _service = nats.serve(Implementation::Rust, "").await;
    understands(&Client::new(nats.connection().await)).await;
}

async fn understands(client: &Client) {
    assert_eq!(client.send::<f64>("sum", &[1, 2]).await.expect("a sum"), 3.0);
    let who = Pattern::object([("role", "admin"), ("cmd", "who")]);
    assert_eq!(client.send::<String>(who, &1).await.expect("a name"), "admin");
    client.send::<()>("nothing", &1).await.expect("undefined");
    assert_eq!(client.send::<Option<u8>>("nil", &1).await.expect("null"), None);
    let slow = json!({"values": [1, 2, 3], "ms": 2});
    for (pattern, data) in [
        ("stream", json!([1, 2, 3])),
        ("stream-slow", slow.clone()),
        ("stream-then-done", slow),
    ] {
        let values = client.send_stream::<u8>(pattern, &data).await.expect("it is sent");
        assert_eq!(
            values.try_collect::<Vec<_>>().await.expect("values"),
            [1, 2, 3],
            "{pattern}"
        );
    }
    let error = client
        .send::<()>("rpc-error", &json!({"code": 7}))
        .await
        .expect_err("an error");
    assert_eq!(error.as_rpc().expect("the service's").err().as_str(), r#"{"code":7}"#);
    let error = client.send::<()>("nobody", &1).await.expect_err("nobody");
    assert!(matches!(error, CallError::NoResponders(_)), "{error}");
    let mut headers = HeaderMap::new();
    headers.insert("x-a", "v");
    let answer: String = client
        .request("header")
        .data("x-a")
        .headers(headers)
        .send()
        .await
        .expect("the header");
    assert_eq!(answer, "v");
    client.emit("note", "seen").await.expect("it is sent");
    let mut notes = Value::Null;
    while notes["values"] != json!(["seen"]) {
        notes = client.send("notes", &1).await.expect("the notes");
        assert_ne!(notes["count"], json!(2));
    }
}

#[tokio::test]
async fn both_clients_send_the_same_messages() {
    for major in MAJORS {
        let nats = Nats::start().await;
        let _service = nats.serve(Implementation::Rust, "").await;
        let connection = nats.connection().await;
        let mut spied = connection.subscribe(">").await.expect("a subscription");
        connection.flush().await.expect("it is sent");
        let flags = ["--nats", &nats.server.url()];
        let mut theirs = NestClient::start_as(nats.environment, App::ClientNats, major, &flags).await;
        let client = Client::new(nats.connection().await);
        let object = || Pattern::object([("role", "admin"), ("cmd", "who")]);
        let mut headers = HeaderMap::new();
        headers.insert("x-a", "v");
        client.send::<f64>("sum", &[1, 2]).await.expect("a sum");
        client.send::<String>(object(), &1).await.expect("a name");
        client
            .request("header")
            .data("x-a")
            .headers(headers)
            .send::<String>()
            .await
            .expect("the header");
        client.emit("log", "hello").await.expect("it is sent");
        client.emit(object(), &1).await.expect("it is sent");
        let ours = sent(&mut spied, 5).await;
        for line in [
            r#"{"op":"send","key":1,"pattern":"sum","data":[1,2]}"#,
            r#"{"op":"send","key":2,"pattern":{"role":"admin","cmd":"who"},"data":1}"#,
            r#"{"op":"send","key":3,"pattern":"header","data":"x-a","headers":{"x-a":"v"}}"#,
            r#"{"op":"emit","key":4,"pattern":"log","data":"hello"}"#,
            r#"{"op":"emit","key":5,"pattern":{"role":"admin","cmd":"who"},"data":1}"#,
        ] {
            theirs.tell(&[line.to_owned()]).await;
            while !theirs.hear().await.expect("an outcome").contains("complete") {}
        }
        let theirs = sent(&mut spied, 5).await;
        assert_eq!(ours, theirs, "Nest {major}");
    }
}

/// Returns the next messages that are no replies: subject, whether it wants a reply, headers, and
/// the payload with its id replaced.
async fn sent(spied: &mut Subscriber, count: usize) -> Vec<(String, bool, Option<String>, String)> {
    let mut seen = Vec::new();
    while seen.len() < count {
        let message = timeout(PATIENCE, spied.next()).await.expect("in time").expect("open");
        if message.subject.starts_with("_INBOX") {
            continue;
        }
        let header = message.headers.as_ref().and_then(|headers| headers.get("x-a"));
        let payload = String::from_utf8(message.payload.to_vec()).expect("UTF-8");
        let payload = match payload.split_once(r#","id":""#) {
            Some((rest, id)) => {
                let id = id.strip_suffix("\"}").expect("the id is last");
                assert!(
                    id.len() == 21 && id.chars().all(|digit| digit.is_ascii_hexdigit()),
                    "{id}"
                );
                format!("{rest},ID")
            }
            None => payload,
        };
        let header = header.map(|value| value.as_str().to_owned());
        seen.push((message.subject.to_string(), message.reply.is_some(), header, payload));
    }
    seen
}
