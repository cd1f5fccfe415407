//! A custom socket class, serializer and deserializer: Nest's options on one side, our `Framing` on
//! the other.

use std::net::SocketAddr;

use compat_tests::{Environment, Implementation, ask_client, ask_client_with};
use nest_wire::{
    client::{CallError, Client},
    connection,
};
use nest_wire_harness::App;
use serde_json::{Value, json};

use crate::{
    calls::calls,
    service::{Served, listener},
};

#[path = "../../../examples/custom_framing/framing.rs"]
mod framing;

const FLAGS: [&str; 2] = ["--framing", "length-prefixed"];

fn config() -> connection::TransportConfig {
    connection::TransportConfig::default().framing(framing::LengthPrefixed::default)
}

fn client(address: SocketAddr) -> Client {
    let config = Client::builder().transport(config());
    config.build(address.to_string()).expect("a client")
}

#[tokio::test]
async fn a_nest_client_with_its_own_socket_class_can_not_tell_us_from_nest() {
    let environment = Environment::ready().await;
    let nest = environment
        .start(App::Conformance, Implementation::Nest(12), &FLAGS)
        .await;
    let (listener, port) = listener().await;
    let _ours = Served::start(listener, config());
    let plain = environment.start(App::Conformance, Implementation::Nest(12), &[]).await;
    let expected = ask_client(environment, 12, plain.address().port(), &calls()).await;
    for port in [nest.address().port(), port] {
        let port = port.to_string();
        let flags = ["--port", &port, FLAGS[0], FLAGS[1]];
        assert_eq!(ask_client_with(environment, 12, &flags, &calls()).await, expected);
    }
}

#[tokio::test]
async fn our_client_calls_a_nest_service_with_its_own_socket_class() {
    let service = Environment::ready()
        .await
        .start(App::Conformance, Implementation::Nest(12), &FLAGS)
        .await;
    let client = client(service.address());
    assert_eq!(client.send::<f64>("sum", &[3, 5, 6]).await.expect("an answer"), 14.0);
    let data = json!({"b": "求和😀", "long": "x".repeat(300_000)});
    assert_eq!(client.send::<Value>("echo", &data).await.expect("the data"), data);
    let error = client.send::<Value>("rpc-error", &"x").await.expect_err("an error");
    assert!(matches!(error, CallError::Rpc(_)), "{error:?}");
    client.emit("log", "an event").await.expect("sent");
    service.wait_for_line("an event").await.expect("logged");
}

#[tokio::test]
async fn the_example_answers_nest_and_our_client() {
    let environment = Environment::ready().await;
    let service = environment.start_example("custom_framing").await;
    let port = service.address().port().to_string();
    let lines = [
        json!({"op": "send", "key": 1, "pattern": "sum", "data": [3, 5, 6]}),
        json!({"op": "send", "key": 2, "pattern": "absent", "data": 0}),
        json!({"op": "emit", "key": 3, "pattern": "log", "data": "an event"}),
    ];
    let flags = ["--port", &port, FLAGS[0], FLAGS[1]];
    let heard = ask_client_with(environment, 12, &flags, &lines.map(|line| line.to_string())).await;
    assert_eq!(heard["1"], [r#"{"key":1,"next":14}"#, r#"{"key":1,"complete":true}"#]);
    assert!(
        heard["2"][0].contains("There is no matching message handler"),
        "{heard:?}"
    );
    service.wait_for_line("an event").await.expect("logged");
    let total: f64 = client(service.address()).send("sum", &[1, 2]).await.expect("an answer");
    assert_eq!(total, 3.0);
}
