//! A minimal HTTP client that plays the browser.

use std::net::SocketAddr;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::PATIENCE;

/// Returns the body of `GET path`.
///
/// # Panics
/// Panics if the status is not 200, or if the reply does not arrive in time.
pub async fn get(address: SocketAddr, path: &str) -> String {
    let exchange = async {
        let mut stream = TcpStream::connect(address).await?;
        let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.map(|_| answer)
    };
    let answer = timeout(PATIENCE, exchange).await;
    let answer = answer
        .unwrap_or_else(|_| panic!("GET {path}: no answer within {PATIENCE:?}"))
        .unwrap_or_else(|error| panic!("GET {path}: {error}"));
    let (head, body) = answer
        .split_once("\r\n\r\n")
        .unwrap_or_else(|| panic!("GET {path}: {answer:?}"));
    assert!(head.starts_with("HTTP/1.1 200 "), "GET {path}: {answer}");
    body.to_owned()
}
