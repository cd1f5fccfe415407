//! Services: every message is answered with the bytes that Nest's service sends.

use std::path::PathBuf;

use async_nats::{Client, HeaderMap};
use compat_tests::{Implementation, PATIENCE};
use futures_util::{FutureExt, StreamExt};
use tokio::time::timeout;

use super::{MAJORS, Nats, programs};

/// A message to send: its subject, its payload, and whether Nest answers.
struct Row {
    subject: &'static str,
    payload: &'static str,
    is_answered: bool,
}

const fn answered(subject: &'static str, payload: &'static str) -> Row {
    Row {
        subject,
        payload,
        is_answered: true,
    }
}

const fn silent(subject: &'static str, payload: &'static str) -> Row {
    Row {
        subject,
        payload,
        is_answered: false,
    }
}

const ROWS: &[Row] = &[
    answered("sum", r#"{"pattern":"sum","data":[1,2.5],"id":"a"}"#),
    answered("sum", r#" { "id" : "a" , "data" : [ 1 ] , "pattern" : "sum" } "#),
    answered(r#"{"cmd":"sum"}"#, r#"{"pattern":{"cmd":"sum"},"data":[1],"id":"a"}"#),
    answered(
        r#"{"cmd":"who","role":"admin"}"#,
        r#"{"pattern":{"role":"admin","cmd":"who"},"data":1,"id":"a"}"#,
    ),
    answered("42", r#"{"pattern":42,"data":1,"id":"a"}"#),
    // The subscription decides, not the pattern in the packet.
    answered("sum", r#"{"pattern":"nil","data":[1,2],"id":"a"}"#),
    answered("sum", r#"{"data":[1,2],"id":"a"}"#),
    answered("sum", r#"{"pattern":"sum","id":"a"}"#),
    // Wildcards.
    answered("user.42", r#"{"pattern":"user.42","data":1,"id":"a"}"#),
    answered("deep.a.b", r#"{"pattern":"deep.a.b","data":1,"id":"a"}"#),
    answered("user.*", r#"{"pattern":"user.*","data":1,"id":"a"}"#),
    // Every kind of reply.
    answered("ping", r#"{"pattern":"ping","data":1,"id":"a"}"#),
    answered("nothing", r#"{"pattern":"nothing","data":1,"id":"a"}"#),
    answered("nil", r#"{"pattern":"nil","data":1,"id":"a"}"#),
    answered("stream", r#"{"pattern":"stream","data":[1,null,3],"id":"a"}"#),
    answered("stream", r#"{"pattern":"stream","data":[],"id":"a"}"#),
    answered(
        "stream-slow",
        r#"{"pattern":"stream-slow","data":{"values":[1,2],"ms":2},"id":"a"}"#,
    ),
    answered(
        "stream-then-done",
        r#"{"pattern":"stream-then-done","data":{"values":[1,2],"ms":2},"id":"a"}"#,
    ),
    answered(
        "stream-error",
        r#"{"pattern":"stream-error","data":{"values":[1],"error":"no"},"id":"a"}"#,
    ),
    answered("rpc-error", r#"{"pattern":"rpc-error","data":"no","id":"a"}"#),
    answered("rpc-error", r#"{"pattern":"rpc-error","data":{"code":7},"id":"a"}"#),
    answered("error", r#"{"pattern":"error","data":1,"id":"a"}"#),
    answered(
        "delay",
        r#"{"pattern":"delay","data":{"ms":2,"value":"late"},"id":"a"}"#,
    ),
    answered("dup", r#"{"pattern":"dup","data":1,"id":"a"}"#),
    answered("echo", r#"{"pattern":"echo","data":"求和 😀 \u2028","id":"a"}"#),
    // A message to two event handlers.
    answered("note", r#"{"pattern":"note","data":1,"id":"a"}"#),
    // Ids of any type.
    answered("ping", r#"{"pattern":"ping","data":1,"id":null}"#),
    answered("ping", r#"{"pattern":"ping","data":1,"id":7.0}"#),
    answered("ping", r#"{"pattern":"ping","data":1,"id":{"b": 1, "a": 2}}"#),
    answered("ping", r#"{"pattern":"ping","data":1,"id":""}"#),
    // Events, and what counts as one: no reply, also to a reply subject.
    silent("note", r#"{"pattern":"note","data":1}"#),
    silent("sum", r#"{"pattern":"sum","data":[1]}"#),
    silent("echo", r#"{"a":1,"id":"a"}"#),
    silent("echo", "[1]"),
    silent("echo", "5"),
    silent("echo", "null"),
    silent("echo", "\"text\""),
];

#[tokio::test]
async fn every_message_is_answered_as_by_nest() {
    for program in programs().await {
        let ours = all_replies(program.clone(), Implementation::Rust).await;
        for major in MAJORS {
            let theirs = all_replies(program.clone(), Implementation::Nest(major)).await;
            for ((row, ours), theirs) in ROWS.iter().zip(&ours).zip(theirs) {
                let (subject, payload) = (row.subject, row.payload);
                assert_eq!(theirs.is_empty(), !row.is_answered, "Nest {major}: {subject} {payload}");
                assert_eq!(*ours, theirs, "Nest {major}: {subject} {payload}");
            }
        }
    }
}

async fn all_replies(program: PathBuf, make: Implementation) -> Vec<Vec<String>> {
    let nats = Nats::start_program(program).await;
    let _service = nats.serve(make, "").await;
    let connection = nats.connection().await;
    let mut all = Vec::new();
    for row in ROWS {
        all.push(replies(&connection, row.subject, row.payload, row.is_answered, None).await);
    }
    all
}

/// Sends a message. Returns its replies: up to the one that ends the call, or, if none is expected,
/// those that have come when the service has answered another message.
async fn replies(
    connection: &Client,
    subject: &str,
    payload: &str,
    is_answered: bool,
    headers: Option<HeaderMap>,
) -> Vec<String> {
    let inbox = connection.new_inbox();
    let mut inbound = connection.subscribe(inbox.clone()).await.expect("a subscription");
    let (subject, payload) = (subject.to_owned(), payload.to_owned().into());
    let headers = headers.unwrap_or_default();
    let sent = connection.publish_with_reply_and_headers(subject, inbox, headers, payload);
    sent.await.expect("it is sent");
    let mut replies: Vec<String> = Vec::new();
    let has_ended = |reply: &String| reply.contains(r#""isDisposed":true"#) || reply.contains(r#""err":"#);
    while is_answered && !replies.last().is_some_and(has_ended) {
        let reply = timeout(PATIENCE, inbound.next()).await.expect("a reply in time");
        replies.push(text(&reply.expect("an open subscription")));
    }
    let ping = r#"{"pattern":"ping","data":1,"id":"ping"}"#;
    connection.request("ping", ping.into()).await.expect("an answer");
    while let Some(reply) = inbound.next().now_or_never() {
        replies.push(text(&reply.expect("an open subscription")));
    }
    replies
}

fn text(message: &async_nats::Message) -> String {
    String::from_utf8(message.payload.to_vec()).expect("UTF-8")
}

#[tokio::test]
async fn headers_reach_the_handler() {
    let nats = Nats::start().await;
    let connection = nats.connection().await;
    let mut seen = Vec::new();
    for make in [Implementation::Rust, Implementation::Nest(11), Implementation::Nest(12)] {
        let _service = nats.serve(make, "").await;
        let mut headers = HeaderMap::new();
        headers.insert("x-tenant", "acme");
        let packet = |name| format!(r#"{{"pattern":"header","data":"{name}","id":"a"}}"#);
        for (headers, name) in [(Some(headers), "x-tenant"), (None, "x-tenant")] {
            seen.push(replies(&connection, "header", &packet(name), true, headers).await);
        }
    }
    assert_eq!(seen[..2], seen[2..4]);
    assert_eq!(seen[..2], seen[4..]);
    assert_eq!(seen[0], [r#"{"response":"acme","isDisposed":true,"id":"a"}"#]);
}

#[tokio::test]
async fn a_reply_that_is_too_large_is_an_error_from_us_and_nothing_from_nest() {
    let nats = Nats::start().await;
    let connection = nats.connection().await;
    let long = r#"{"pattern":"long","data":2000000,"id":"a"}"#;
    for major in MAJORS {
        let _service = nats.serve(Implementation::Nest(major), "").await;
        let replies = replies(&connection, "long", long, false, None).await;
        assert_eq!(replies, [""; 0], "Nest {major}");
    }
    let _service = nats.serve(Implementation::Rust, "").await;
    let replies = replies(&connection, "long", long, true, None).await;
    assert_eq!(
        replies,
        [concat!(
            r#"{"err":{"status":"error","message":"the reply has 2000042 bytes, NATS takes 1048576"},"#,
            r#""isDisposed":true,"id":"a"}"#
        )]
    );
}

#[tokio::test]
async fn a_message_that_is_not_json_is_an_error_from_us_and_ends_nest_11() {
    let nats = Nats::start().await;
    let connection = nats.connection().await;
    let service = nats.serve(Implementation::Rust, "").await;
    let ours = replies(&connection, "echo", "{", true, None).await;
    assert_eq!(
        ours,
        [r#"{"err":{"status":"error","message":"the message is not JSON"},"isDisposed":true}"#]
    );
    drop(service);
    let service = nats.serve(Implementation::Nest(12), "").await;
    assert_eq!(replies(&connection, "echo", "{", false, None).await, [""; 0]);
    drop(service);
    let service = nats.serve(Implementation::Nest(11), "").await;
    connection.publish("echo", "{".into()).await.expect("it is sent");
    let log = service.ended().await;
    assert!(log.contains("Bad JSON"), "{log}");
}

#[tokio::test]
async fn a_handler_runs_for_a_message_without_a_reply_subject() {
    let nats = Nats::start().await;
    let connection = nats.connection().await;
    for make in [Implementation::Rust, Implementation::Nest(12)] {
        let _service = nats.serve(make, "").await;
        let note = r#"{"pattern":"note","data":"seen","id":"a"}"#;
        connection.publish("note", note.into()).await.expect("it is sent");
        let take = r#"{"pattern":"notes","data":1,"id":"b"}"#;
        // Different subjects may be handled in any order.
        let mut taken = String::new();
        while !taken.contains("seen") {
            let reply = connection.request("notes", take.into()).await.expect("an answer");
            taken = text(&reply);
        }
        assert_eq!(
            taken,
            r#"{"response":{"values":["seen"],"count":1},"isDisposed":true,"id":"b"}"#
        );
    }
}
