//! `nest-wire send` when it fails: each exit status, and the one line that says why.

use std::future::pending;

use futures_util::{StreamExt, stream};
use nest_wire::{
    connection::{Connection, TransportConfig},
    packet::{IncomingRequest, OutgoingReply, RawJson, RpcError, write_reply},
    server::{ReplyStream, Router},
};
use tokio::net::{TcpListener, TcpStream};

use crate::command::{Ended, IS_IT_RUNNING, run, service};

async fn listener() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address").to_string();
    (listener, address)
}

/// A request that has come in, and its link.
async fn requested(listener: &TcpListener) -> (Connection<TcpStream>, IncomingRequest) {
    let (stream, _) = listener.accept().await.expect("a caller");
    let mut connection = Connection::new(stream, &TransportConfig::default());
    let request = connection.next(IncomingRequest::read).await.expect("a link");
    (connection, request.expect("a packet"))
}

#[tokio::test]
async fn a_remote_error_is_its_json() {
    async fn fail() -> Result<u32, RpcError> {
        Err(RpcError::from_raw(RawJson::new(r#"{ "code": 7.0, "why": "求和" }"#)?))
    }
    let address = service(Router::new().message("fail", fail)).await;
    let ended = run(&["send", &address, "fail", "0"]).await;
    assert_eq!(ended, Ended::badly(1, "{\"code\":7,\"why\":\"求和\"}\n"));
}

#[tokio::test]
async fn a_missing_handler_is_a_remote_error() {
    let address = service(Router::new()).await;
    let message = "\"There is no matching message handler defined in the remote service.\"\n\
                   hint: asked for the route nobody; nest-wire route explains how patterns meet\n";
    assert_eq!(run(&["send", &address, "nobody", "0"]).await, Ended::badly(1, message));
}

#[tokio::test]
async fn values_before_an_error_are_printed() {
    let values = async || ReplyStream::fallible(stream::iter([Ok(1), Err(RpcError::new("no"))]));
    let address = service(Router::new().message("stream", values)).await;
    let expected = Ended::badly(1, "{\"status\":\"error\",\"message\":\"no\"}\n").having_printed("1\n");
    assert_eq!(run(&["send", &address, "stream", "0"]).await, expected);
}

#[tokio::test]
async fn a_refused_connection_says_where_and_why() {
    let (listener, address) = listener().await;
    drop(listener);
    let ended = run(&["send", &address, "sum", "[1]"]).await;
    let message = format!("error: cannot connect to {address}: refused\n{IS_IT_RUNNING}");
    assert_eq!(ended, Ended::badly(3, &message));
}

#[tokio::test]
async fn a_name_without_an_address_is_no_connection() {
    let ended = run(&["send", "no-such-host.invalid:8888", "sum", "[1]"]).await;
    assert_eq!(ended.status, Some(3));
    assert!(
        ended
            .stderr
            .starts_with("error: cannot connect to no-such-host.invalid:8888: "),
        "{}",
        ended.stderr
    );
}

#[tokio::test]
async fn a_connection_lost_before_the_answer_is_no_connection() {
    let (listener, address) = listener().await;
    let service = async {
        requested(&listener).await;
    };
    let args = ["send", &address, "sum", "[1]"];
    let (ended, ()) = tokio::join!(run(&args), service);
    // It may as well have wanted TLS.
    let message = format!(
        "error: {address} closed the connection at the first frame\nhint: if it wants TLS, write tls://{address}\n"
    );
    assert_eq!(ended, Ended::badly(3, &message));
}

#[tokio::test]
async fn a_connection_lost_between_two_values_is_no_connection() {
    let (listener, address) = listener().await;
    let service = async {
        let (mut connection, request) = requested(&listener).await;
        let id = request.id.expect("a request has an id");
        connection.push(|out| write_reply(out, OutgoingReply::Value(&RawJson::from_value(&1).expect("JSON")), &id));
        connection.flush().await.expect("a link");
    };
    let args = ["send", &address, "stream", "0"];
    let (ended, ()) = tokio::join!(run(&args), service);
    let message = "error: the connection was lost after the first value: closed by the service\n";
    let expected = Ended::badly(3, message).having_printed("1\n");
    assert_eq!(ended, expected);
}

#[tokio::test]
async fn no_answer_in_time_is_a_timeout() {
    let address = service(Router::new().message("never", pending::<u32>)).await;
    let ended = run(&["send", "--timeout", "0.05", &address, "never", "0"]).await;
    assert_eq!(ended, Ended::badly(4, "error: no answer within 50 ms\n"));
}

#[tokio::test]
async fn a_stream_that_stalls_is_a_timeout_after_its_values() {
    let values = async || ReplyStream::new(stream::iter([1]).chain(stream::once(pending::<u32>())));
    let address = service(Router::new().message("stream", values)).await;
    // Long enough for the first value even on a crowded machine.
    let ended = run(&["send", "--timeout", "5", &address, "stream", "0"]).await;
    assert_eq!(
        ended,
        Ended::badly(4, "error: no further value within 5 s\n").having_printed("1\n")
    );
}

#[tokio::test]
async fn a_timeout_may_be_longer_than_any_clock_runs() {
    let address = service(Router::new().message("one", async || 1)).await;
    let ended = run(&["send", "--timeout", "1e19", &address, "one", "0"]).await;
    assert_eq!(ended, Ended::well("1\n"));
}
