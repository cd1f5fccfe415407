//! `nest-wire emit`: the very bytes, and when it is content.

use nest_wire::server::{Payload, Router};
use tokio::{io::AsyncReadExt, net::TcpListener, sync::mpsc};

use crate::command::{Ended, IS_IT_RUNNING, run, run_with_stdin, service};

/// What `emit` puts on the wire.
async fn emitted(pattern: &str, data: &str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address").to_string();
    let service = async {
        let (mut stream, _) = listener.accept().await.expect("a caller");
        let mut received = String::new();
        stream.read_to_string(&mut received).await.expect("a link");
        received
    };
    let args = ["emit", &address, pattern, data];
    let (received, ended) = tokio::join!(service, run(&args));
    assert_eq!(ended, Ended::well(""));
    received
}

#[tokio::test]
async fn an_event_is_one_packet() {
    assert_eq!(
        emitted("log", "\"求和\"").await,
        r#"29#{"pattern":"log","data":"求和"}"#
    );
}

#[tokio::test]
async fn an_events_pattern_is_its_route() {
    let received = emitted(r#"{"b": 1, "a": "x"}"#, "[1.0]").await;
    assert_eq!(received, r#"46#{"pattern":"{\"a\":\"x\",\"b\":1}","data":[1]}"#);
}

#[tokio::test]
async fn a_handler_gets_what_stood_on_standard_input() {
    let (tell, mut told) = mpsc::unbounded_channel();
    let log = async move |Payload(text): Payload<String>| drop(tell.send(text));
    let address = service(Router::new().event("log", log)).await;
    let ended = run_with_stdin(&["emit", &address, "log", "-"], "\"求和\"\n".as_bytes()).await;
    assert_eq!(ended, Ended::well(""));
    assert_eq!(told.recv().await.as_deref(), Some("求和"));
}

#[tokio::test]
async fn without_a_service_it_fails() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address").to_string();
    drop(listener);
    let ended = run(&["emit", &address, "log", "1"]).await;
    let message = format!("error: cannot connect to {address}: refused\n{IS_IT_RUNNING}");
    assert_eq!(ended, Ended::badly(3, &message));
}

#[tokio::test]
async fn an_event_that_the_service_does_not_read_is_late() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address").to_string();
    let unread = format!("\"{}\"", "x".repeat(32 << 20));
    let args = ["emit", "--timeout", "0.05", &address, "log", "-"];
    let ended = run_with_stdin(&args, unread.as_bytes()).await;
    assert_eq!(
        ended,
        Ended::badly(4, "error: the service did not take the event within 50 ms\n")
    );
}
