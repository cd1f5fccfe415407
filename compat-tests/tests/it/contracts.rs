//! Contracts with Nest's services and callers, which do not use them.

use std::net::SocketAddr;

use compat_tests::{Environment, Implementation, NestClient, on_each_major};
use futures_util::{TryStreamExt, stream};
use nest_wire::{
    client::Client,
    contract::{Event, Message, NoData},
    pattern::Pattern,
    server::{HostListener, Payload, Router, reply::ReplyStreamOf, serve},
};
use nest_wire_harness::App;
use serde_json::json;

const SUM: Message<Vec<f64>, f64> = Message::with_pattern(|| Pattern::object([("cmd", "sum")]));
const STREAM: Message<Vec<u8>, u8> = Message::new("stream");
const PING: Message<NoData, String> = Message::new("ping");
const LOG: Event<String> = Event::new("log");

on_each_major!(a_caller_keeps_contracts_with_the_service_of, calls);
on_each_major!(a_service_keeps_contracts_with_the_caller_of, serves);

async fn calls(major: u8) {
    let service = Environment::ready()
        .await
        .start(App::Conformance, Implementation::Nest(major), &[])
        .await;
    let client = Client::new(service.address().to_string());
    assert_eq!(client.message(SUM, &vec![1.0, 2.5]).send().await.expect("a sum"), 3.5);
    let values = client
        .message(STREAM, &vec![1, 2, 3])
        .send_stream()
        .await
        .expect("sent");
    assert_eq!(values.try_collect::<Vec<u8>>().await.expect("all of them"), [1, 2, 3]);
    assert_eq!(client.message(PING, &NoData).send().await.expect("answered"), "pong");
    client.emit_event(LOG, &"by contract".to_owned()).await.expect("sent");
    service.wait_for_line("by contract").await.expect("logged");
}

async fn serves(major: u8) {
    let mut caller = NestClient::start(Environment::ready().await, major, listen().await.port()).await;
    // Nest 7 makes a connection for each call until the first one is up.
    caller.tell(&[json!({"op": "connect"}).to_string()]).await;
    assert!(caller.hear().await.is_some_and(|line| line.contains("complete")));
    let calls = [
        json!({"op": "send", "key": 1, "pattern": {"cmd": "sum"}, "data": [1, 2.5]}),
        json!({"op": "send", "key": 2, "pattern": "stream", "data": [1, 2, 3]}),
        json!({"op": "send", "key": 3, "pattern": "ping", "data": {}}),
    ];
    caller.tell(&calls.map(|call| call.to_string())).await;
    let mut heard = caller.end().await;
    // Events of different calls have no order.
    heard.sort_by_key(|line| line.get(..8).map(str::to_owned));
    let expected = [
        r#"{"key":1,"next":3.5}"#,
        r#"{"key":1,"complete":true}"#,
        r#"{"key":2,"next":1}"#,
        r#"{"key":2,"next":2}"#,
        r#"{"key":2,"next":3}"#,
        r#"{"key":2,"complete":true}"#,
        r#"{"key":3,"next":"pong"}"#,
        r#"{"key":3,"complete":true}"#,
    ];
    assert_eq!(heard, expected);
}

async fn listen() -> SocketAddr {
    let router = Router::new()
        .handle_message(SUM, async |Payload(numbers): Payload<Vec<f64>>| {
            numbers.iter().sum::<f64>()
        })
        .handle_message(STREAM, async |Payload(values): Payload<Vec<u8>>| {
            ReplyStreamOf::new(stream::iter(values))
        })
        .handle_message(PING, async || "pong");
    let listener = HostListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addrs().expect("it is bound")[0];
    tokio::spawn(serve(listener, router).into_future());
    address
}
