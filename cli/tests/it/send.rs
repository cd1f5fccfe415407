//! `nest-wire send` when all goes well: what it sends and what it prints.

use std::{future::pending, process::Stdio};

use futures_util::{StreamExt, stream};
use nest_wire::{
    connection::{Connection, TransportConfig},
    packet::{IncomingRequest, RawJson},
    pattern::Pattern,
    server::{Payload, ReplyStream, Router},
};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    net::TcpListener,
    task::yield_now,
};

use crate::command::{Ended, end_of, nest_wire, run, run_with_stdin, service, service_at};

async fn echo(data: RawJson) -> RawJson {
    data
}

async fn sum(Payload(numbers): Payload<Vec<f64>>) -> f64 {
    numbers.iter().sum()
}

#[tokio::test]
async fn an_answer_is_a_line_of_json() {
    let address = service(Router::new().message("sum", sum)).await;
    assert_eq!(run(&["send", &address, "sum", "[1,2,3]"]).await, Ended::well("6\n"));
}

#[tokio::test]
async fn an_object_pattern_is_json() {
    let router = Router::new().message(Pattern::object([("cmd", "sum"), ("v", "2")]), sum);
    let address = service(router).await;
    let ended = run(&["send", &address, r#"{"v": "2", "cmd": "sum"}"#, "[0.1,0.2]"]).await;
    assert_eq!(ended, Ended::well("0.30000000000000004\n"));
}

#[tokio::test]
async fn values_are_printed_as_javascript_writes_them() {
    // Straight from the wire: what this service answers has not been through a serialiser of ours.
    async fn odd() -> RawJson {
        let text =
            r#"{ "b" : 1.0, "10": 12345678901234567890, "9": [1e21, -0, "\u6c42\ud83d\ude00\ud800\/"], "b": null }"#;
        RawJson::new(text).expect("JSON")
    }
    let address = service(Router::new().message("odd", odd)).await;
    let expected = "{\"9\":[1e+21,0,\"求😀\\ud800/\"],\"10\":12345678901234567000,\"b\":null}\n";
    assert_eq!(run(&["send", &address, "odd", "0"]).await, Ended::well(expected));
}

#[tokio::test]
async fn data_goes_out_as_javascript_writes_it() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address").to_string();
    let service = async {
        let (stream, _) = listener.accept().await.expect("a caller");
        let mut connection = Connection::new(stream, &TransportConfig::default());
        connection
            .next(IncomingRequest::read)
            .await
            .expect("a link")
            .expect("a packet")
    };
    let args = [
        "send",
        &address,
        r#"{"cmd": "求", "1": 1.0}"#,
        r#" {"b": 1.0, "2": 1e21, "b": "\u6c42"} "#,
    ];
    let (packet, _) = tokio::join!(service, run(&args));
    assert_eq!(packet.pattern.expect("a pattern").as_str(), r#"{"1":1,"cmd":"求"}"#);
    assert_eq!(packet.data.expect("data").as_str(), r#"{"2":1e+21,"b":"求"}"#);
}

#[tokio::test]
async fn data_may_come_from_standard_input() {
    let address = service(Router::new().message("echo", echo)).await;
    let ended = run_with_stdin(&["send", &address, "echo", "-"], "[\n  \"求和\",\n  -5\n]\n".as_bytes()).await;
    assert_eq!(ended, Ended::well("[\"求和\",-5]\n"));
}

#[tokio::test]
async fn negative_numbers_are_data_and_no_options() {
    let address = service(Router::new().message("echo", echo)).await;
    assert_eq!(run(&["send", &address, "echo", "-1.5e3"]).await, Ended::well("-1500\n"));
}

#[tokio::test]
async fn an_answer_without_a_value_prints_nothing_and_null_is_one() {
    let router = Router::new()
        .message("undefined", async || {})
        .message("nothing", async || None::<u32>)
        .message("none", async || ReplyStream::new(stream::empty::<u32>()));
    let address = service(router).await;
    assert_eq!(run(&["send", &address, "undefined", "0"]).await, Ended::well(""));
    assert_eq!(run(&["send", &address, "nothing", "0"]).await, Ended::well("null\n"));
    assert_eq!(run(&["send", &address, "none", "0"]).await, Ended::well(""));
}

#[tokio::test]
async fn values_of_a_stream_are_lines() {
    let values = async || ReplyStream::new(stream::iter(["求", "和"]));
    let address = service(Router::new().message("stream", values)).await;
    assert_eq!(
        run(&["send", &address, "stream", "0"]).await,
        Ended::well("\"求\"\n\"和\"\n")
    );
}

#[tokio::test]
async fn each_value_is_printed_as_it_comes() {
    // The stream never ends: only a line that was flushed can be read.
    let values = async || ReplyStream::new(stream::iter([1, 2]).chain(stream::once(pending::<u32>())));
    let address = service(Router::new().message("stream", values)).await;
    let mut child = nest_wire(["send", &address, "stream", "0"])
        .spawn()
        .expect("the binary runs");
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    for expected in ["1", "2"] {
        assert_eq!(lines.next_line().await.expect("a pipe").as_deref(), Some(expected));
    }
}

#[tokio::test]
async fn who_stops_reading_has_seen_enough() {
    let count = async || {
        ReplyStream::new(stream::unfold(0, async |number: u32| {
            yield_now().await;
            Some((number, number + 1))
        }))
    };
    let address = service(Router::new().message("count", count)).await;
    let mut child = nest_wire(["send", &address, "count", "0"])
        .spawn()
        .expect("the binary runs");
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    assert_eq!(lines.next_line().await.expect("a pipe").as_deref(), Some("0"));
    drop(lines);
    assert_eq!(end_of(child).await, Ended::well(""));
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn output_that_cannot_be_written_is_a_failure() {
    let address = service(Router::new().message("sum", sum)).await;
    let full = std::fs::File::create("/dev/full").expect("the device");
    let mut command = nest_wire(["send", &address, "sum", "[1]"]);
    let child = command.stdout(Stdio::from(full)).spawn().expect("the binary runs");
    let message = "error: the output cannot be written: no space left\n";
    assert_eq!(end_of(child).await, Ended::badly(5, message));
}

#[tokio::test]
async fn ipv6_addresses_stand_in_brackets() {
    match service_at("[::1]:0", Router::new().message("sum", sum)).await {
        Ok(address) => {
            let ended = run(&["send", &address.to_string(), "sum", "[1,2]"]).await;
            assert_eq!(ended, Ended::well("3\n"));
        }
        Err(error) => eprintln!("no IPv6 on this machine: {error}"),
    }
}
