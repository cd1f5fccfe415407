//! Our client against Nest's conformance service.

use compat_tests::{Environment, Implementation, on_each_major};
use futures_util::TryStreamExt;
use nest_wire::{
    client::{CallError, Client},
    pattern::Pattern,
};
use nest_wire_harness::App;
use serde_json::{Value, json};

on_each_major!(every_kind_of_answer_is_understood_from, calls);
on_each_major!(a_lost_connection_fails_what_waits_and_is_made_anew_to, loses);

async fn calls(major: u8) {
    let service = Environment::ready()
        .await
        .start(App::Conformance, Implementation::Nest(major), &[])
        .await;
    let client = Client::new(service.address().to_string());
    values(&client).await;
    absent_values(&client).await;
    streams(&client).await;
    first_values(&client).await;
    errors(&client).await;
    many_at_once(&client).await;
    client.emit("log", "求和 😀").await.expect("sent");
    service.wait_for_line("求和 😀").await.expect("logged");
    client.emit_detached("log", "without waiting");
    service.wait_for_line("without waiting").await.expect("logged");
}

async fn values(client: &Client) {
    let sum: f64 = client.send("sum", &[0.1, 0.2]).await.expect("a sum");
    assert_eq!(sum, 0.1 + 0.2);
    let by_object = Pattern::object([("cmd", "sum")]);
    assert_eq!(client.send::<u8>(by_object, &[1, 2, 3]).await.expect("a sum"), 6);
    let unsorted = Pattern::object([("role", "admin"), ("cmd", "who")]);
    assert_eq!(client.send::<String>(unsorted, &1).await.expect("a name"), "admin");
    assert_eq!(
        client.send::<String>(42, &1).await.expect("a number's name"),
        "forty-two"
    );
    let data = json!({"b": [1.5, null, "\u{2028}😀"], "10": true, "a": {"": -1e21}});
    assert_eq!(client.send::<Value>("echo", &data).await.expect("the data"), data);
    let delay = json!({"ms": 20, "value": "late"});
    assert_eq!(client.send::<String>("delay", &delay).await.expect("the value"), "late");
}

async fn absent_values(client: &Client) {
    client.send::<()>("nothing", &1).await.expect("undefined is ()");
    assert_eq!(
        client
            .send::<Option<u8>>("nothing", &1)
            .await
            .expect("undefined is None"),
        None
    );
    let error = client
        .send::<u8>("nothing", &1)
        .await
        .expect_err("undefined is no number");
    assert!(matches!(error, CallError::NoValue), "{error:?}");
    assert_eq!(client.send::<Option<u8>>("nil", &1).await.expect("null is None"), None);
    assert_eq!(client.send::<Value>("nil", &1).await.expect("null"), Value::Null);
    let error = client.send::<u8>("nil", &1).await.expect_err("null is no number");
    assert!(matches!(error, CallError::Decode(_)), "{error:?}");
}

async fn streams(client: &Client) {
    let paced = json!({"values": [1, null, 3], "ms": 5});
    for (pattern, data, expected) in [
        ("stream", json!([1, null, 3]), vec![Some(1), None, Some(3)]),
        ("stream", json!([]), vec![]),
        ("stream-slow", paced.clone(), vec![Some(1), None, Some(3)]),
        ("stream-then-done", paced, vec![Some(1), None, Some(3)]),
    ] {
        let values = client.send_stream::<Option<u8>>(pattern, &data).await.expect("sent");
        let values: Vec<_> = values.try_collect().await.expect("values");
        assert_eq!(values, expected, "{pattern} {data}");
    }
    let failing = json!({"values": [1, 2], "error": "enough"});
    let mut values = client.send_stream::<u8>("stream-error", &failing).await.expect("sent");
    assert_eq!(values.try_next().await.expect("a value"), Some(1));
    assert_eq!(values.try_next().await.expect("a value"), Some(2));
    let error = values.try_next().await.expect_err("the error");
    assert_eq!(rpc(&error), r#"{"status":"error","message":"enough"}"#);
    assert_eq!(values.try_next().await.expect("nothing follows"), None);
    let last = client.send::<u8>("stream", &[1, 2, 3]).await.expect("the last value");
    assert_eq!(last, 3);
}

/// The replies of this handler have their values at once and complete an hour later.
async fn first_values(client: &Client) {
    let endless = json!({"values": [1, 2, 3], "ms": 3_600_000});
    let first = client.send_first::<u8>("stream-then-done", &endless).await;
    assert_eq!(first.expect("the first value"), 1);
    let endless = json!({"values": [null, 2], "ms": 3_600_000});
    let null = client.send_first::<Value>("stream-then-done", &endless).await;
    assert_eq!(null.expect("null is a value"), Value::Null);
    let only = client.send_first::<u8>("sum", &[1, 2]).await;
    assert_eq!(only.expect("the only value"), 3);
    let failing = json!({"values": [], "error": "enough"});
    let error = client.send_first::<u8>("stream-error", &failing).await;
    assert_eq!(
        rpc(&error.expect_err("the error")),
        r#"{"status":"error","message":"enough"}"#
    );
    let empty = client.send_first::<u8>("stream", &json!([])).await;
    assert!(matches!(empty, Err(CallError::NoValue)), "{empty:?}");
}

async fn errors(client: &Client) {
    let internal = r#"{"status":"error","message":"Internal server error"}"#;
    let missing = r#""There is no matching message handler defined in the remote service.""#;
    for (pattern, data, err) in [
        ("rpc-error", json!("x"), r#"{"status":"error","message":"x"}"#),
        ("rpc-error", json!({"code": 7, "1": []}), r#"{"1":[],"code":7}"#),
        ("error", json!(0), internal),
        ("sum", json!(0), internal),
        ("no-such-pattern", json!(0), missing),
    ] {
        let error = client.send::<Value>(pattern, &data).await.expect_err("an error");
        assert_eq!(rpc(&error), err, "{pattern} {data}");
        assert_eq!(error.is_no_handler(), err == missing, "{pattern} {data}");
    }
    let error = client.send::<Value>("echo", &Value::Null).await.expect_err("no data");
    assert!(matches!(error, CallError::MissingData), "{error:?}");
}

fn rpc(error: &CallError) -> String {
    match error {
        CallError::Rpc(error) => error.err().to_string(),
        other => panic!("not the service's error: {other:?}"),
    }
}

async fn many_at_once(client: &Client) {
    let calls = (0..200_u16).map(|number| async move {
        let echoed: u16 = client.send("echo", &number).await.expect("an echo");
        assert_eq!(echoed, number);
    });
    futures_util::future::join_all(calls).await;
}

async fn loses(major: u8) {
    let environment = Environment::ready().await;
    let service = environment
        .start(App::Conformance, Implementation::Nest(major), &[])
        .await;
    let address = service.address();
    let client = Client::new(address.to_string());
    let an_hour = json!({"ms": 3_600_000, "value": 1});
    let waiting = client.send::<u8>("delay", &an_hour);
    let streaming = client.send_stream::<u8>("delay", &an_hour).await.expect("sent");
    let killing = async {
        // Once this is printed, the calls before it have arrived.
        client.emit("log", "all here").await.expect("sent");
        service.wait_for_line("all here").await.expect("logged");
        service.kill().await.expect("it ends");
    };
    let (waited, streamed, ()) = tokio::join!(waiting, streaming.try_collect::<Vec<u8>>(), killing);
    for error in [waited.expect_err("no answer"), streamed.expect_err("no values")] {
        assert!(matches!(error, CallError::ConnectionClosed(_)), "{error:?}");
        assert_eq!(error.to_string(), "Connection closed");
    }

    let error = client.send::<u8>("ping", &0).await.expect_err("nobody listens");
    assert!(matches!(error, CallError::Connect(_)), "{error:?}");
    let _again = environment
        .start_on(address.port(), App::Conformance, Implementation::Nest(major), &[])
        .await;
    assert_eq!(client.send::<String>("ping", &0).await.expect("an answer"), "pong");
    assert_eq!(client.send::<u8>("sum", &[1, 2]).await.expect("an answer"), 3);
}
