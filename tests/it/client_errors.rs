//! What the errors of a client say, and what their predicates tell.

use std::{error::Error, io, time::Duration};

use nest_wire::{
    client::{CallError, Client, Config},
    packet::{RawJson, RpcError},
};
use tokio::net::TcpListener;

/// An address on which nothing listens.
async fn free_address() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    listener.local_addr().expect("bound").to_string()
}

#[tokio::test]
async fn a_failure_to_connect_names_the_address_and_the_cause() {
    let address = free_address().await;
    let client = Client::with_hosts([&address], Config::default());
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
    let client = Client::with_connector(refuse, Config::default());
    let error = client.send::<u32>("a", &1).await.expect_err("refused");
    assert_eq!(error.to_string(), "cannot connect");
    assert_eq!(error.source().expect("a cause").to_string(), "no");
}

#[test]
fn only_the_words_of_nest_say_that_there_is_no_handler() {
    let words = "There is no matching message handler defined in the remote service.";
    let text = RawJson::of(words).expect("JSON");
    assert!(CallError::Rpc(RpcError::from_raw(text)).is_no_handler());
    // A handler that throws these words sends an object.
    assert!(!CallError::Rpc(RpcError::new(words)).is_no_handler());
    let timeout = CallError::Timeout(Duration::from_secs(1));
    assert!(timeout.is_timeout() && !timeout.is_connect() && !timeout.is_no_handler());
}

/// Results that hold an error are moved with each call.
#[test]
fn errors_are_small() {
    assert!(size_of::<CallError>() <= 64, "{}", size_of::<CallError>());
}
