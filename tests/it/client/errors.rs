//! The messages of a client's errors, and their predicates.

use std::{error::Error, future::pending, io, time::Duration};

use futures_util::TryStreamExt;
use nest_wire::{
    client::{
        AddressError, BuildError, CallError, Client, ConnectionState, DisconnectReason, Request, Target, TimeoutError,
    },
    in_memory,
    packet::{RawJson, RpcError},
    pattern::Pattern,
    server::Router,
};
use tokio::net::TcpListener;
use tower::Service;

/// Returns an address without a listener.
async fn free_address() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    listener.local_addr().expect("bound").to_string()
}

#[tokio::test]
async fn a_failure_to_connect_names_the_address_and_the_cause() {
    let address = free_address().await;
    let client = Client::builder().build([&address]).expect("a client");
    for outcome in [client.send::<u32>("a", &1).await.map(drop), client.emit("a", &1).await] {
        let error = outcome.expect_err("nobody listens");
        assert_eq!(error.to_string(), format!("cannot connect to {address}"));
        assert!(error.is_connect() && error.is_unsent() && !error.is_timeout() && !error.is_no_handler());
        let cause = error.source().expect("a cause").downcast_ref::<io::Error>();
        assert_eq!(
            cause.expect("the system's error").kind(),
            io::ErrorKind::ConnectionRefused
        );
        let CallError::Connect(error) = error else {
            panic!("{error:?}")
        };
        assert_eq!(error.address(), Some(&*address));
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
    }
}

#[tokio::test]
async fn the_errors_of_a_connector_of_ones_own_are_given_as_they_are() {
    let refuse = || async { Err::<tokio::io::DuplexStream, _>(io::Error::other("no")) };
    let client = Client::builder().build(Target::connector(refuse)).expect("a client");
    let error = client.send::<u32>("a", &1).await.expect_err("refused");
    assert_eq!(error.to_string(), "cannot connect");
    assert_eq!(error.source().expect("a cause").to_string(), "no");
}

#[test]
fn only_the_words_of_nest_say_that_there_is_no_handler() {
    let words = "There is no matching message handler defined in the remote service.";
    let text = RawJson::from_value(words).expect("JSON");
    assert!(CallError::Rpc(RpcError::from_raw(text)).is_no_handler());
    // A handler that throws these words sends an object.
    assert!(!CallError::Rpc(RpcError::new(words)).is_no_handler());
    let timeout = CallError::Timeout(TimeoutError::new(Duration::from_secs(1)));
    assert!(timeout.is_timeout() && !timeout.is_connect() && !timeout.is_no_handler());
}

#[tokio::test]
async fn the_state_of_a_client_that_cannot_connect_names_the_address_and_the_cause() {
    let address = free_address().await;
    let client = Client::new(&*address);
    client.connect().await.expect_err("nobody listens");
    let ConnectionState::Disconnected(DisconnectReason::Unreachable(error)) = client.state() else {
        panic!("{:?}", client.state())
    };
    assert_eq!(error.address(), Some(&*address));
    let reason = DisconnectReason::Unreachable(error);
    assert_eq!(reason.to_string(), format!("cannot connect to {address}"));
    assert!(reason.source().expect("a cause").is::<io::Error>());
}

/// Returns the error of each way to call `pattern`.
async fn errors(client: &Client, pattern: impl Into<Pattern>) -> Vec<String> {
    let pattern = pattern.into();
    let mut service = client.clone();
    let call = Request::new(pattern.clone(), &1).expect("JSON");
    let values = client.send_stream::<u32>(pattern.clone(), &1).await.expect("sent");
    [
        client.send::<u32>(pattern.clone(), &1).await.map(drop),
        client.send_first::<u32>(pattern.clone(), &1).await.map(drop),
        client.check(pattern.clone()).await,
        client.request(pattern).send::<u32>().await.map(drop),
        service.call(call).await.map(drop),
        values.try_collect::<Vec<_>>().await.map(drop),
    ]
    .map(|outcome| outcome.expect_err("it fails").to_string())
    .into()
}

#[tokio::test(start_paused = true)]
async fn a_call_that_takes_too_long_names_its_pattern() {
    let router = Router::new()
        .message("slow", pending::<u32>)
        .message(Pattern::object([("cmd", "slow")]), pending::<u32>);
    let client = in_memory::client(router).with_timeout(Duration::from_secs(5));
    let late = errors(&client, "slow").await;
    assert_eq!(late, vec![r#"the call to "slow" took longer than 5s"#; 6]);
    let late = errors(&client, Pattern::object([("cmd", "slow")])).await;
    assert_eq!(late, vec![r#"the call to {"cmd":"slow"} took longer than 5s"#; 6]);
}

#[tokio::test(start_paused = true)]
async fn an_event_that_cannot_be_sent_in_time_names_its_pattern() {
    let connect = pending::<io::Result<tokio::io::DuplexStream>>;
    let client = Client::builder()
        .build(Target::connector(connect))
        .expect("a client")
        .with_timeout(Duration::from_secs(5));
    let error = client.emit("log", &1).await.expect_err("no connection");
    assert_eq!(error.to_string(), r#"the call to "log" took longer than 5s"#);
    let error = client.connect().await.expect_err("no connection");
    assert_eq!(error.to_string(), "the call took longer than 5s");
}

#[tokio::test]
async fn a_call_that_nobody_handles_names_its_pattern() {
    let client = in_memory::client(Router::new());
    let unknown = errors(&client, "sum").await;
    assert_eq!(unknown, vec![r#"the service has no handler for "sum""#; 6]);
    let error = client.send::<u32>("sum", &1).await.expect_err("no handler");
    let CallError::Rpc(error) = error else {
        panic!("{error:?}")
    };
    assert_eq!(error, RpcError::no_handler());
}

fn malformed(built: Result<Client, BuildError>) -> AddressError {
    match built {
        Err(BuildError::Address(error)) => error,
        other => panic!("no malformed address: {other:?}"),
    }
}

#[test]
fn a_client_of_no_hosts_is_an_error() {
    let none = Client::builder().build(Vec::<String>::new());
    assert!(matches!(none, Err(BuildError::NoHost)), "{none:?}");
}

#[test]
fn an_address_without_a_port_is_found_when_the_client_is_made() {
    for (address, fault) in [
        ("math", "the port is missing: write HOST:PORT"),
        ("math:", "\"\" is not a port, a number from 1 to 65535"),
        (":3001", "the host is missing: write HOST:PORT"),
        ("::1:3001", "an IPv6 address stands in brackets: [::1]:8888"),
    ] {
        let error = malformed(Client::builder().build(address));
        assert_eq!(error.address(), address);
        assert_eq!(error.to_string(), format!("{address:?} is not an address"));
        assert_eq!(error.source().expect("a cause").to_string(), fault);
        let one_of_two = Client::builder().build(["math:3001", address]);
        assert_eq!(malformed(one_of_two), error);
    }
}

#[test]
#[should_panic(expected = r#""math" is not an address: the port is missing"#)]
fn a_client_of_an_address_without_a_port_cannot_be_made() {
    let _ = Client::new("math");
}

/// Results that hold an error are moved with each call.
#[test]
fn errors_are_small() {
    assert!(size_of::<CallError>() <= 64, "{}", size_of::<CallError>());
}
