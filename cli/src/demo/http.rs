//! As much of HTTP as a browser needs for one page.

use std::{io, net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

/// How long an answer may take: as long as the Rust main waits for its user service.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a browser would show.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Response {
    /// `200 OK`.
    pub(super) status: String,
    pub(super) body: String,
}

/// Gets a page of a server that closes the connection when asked to.
pub(super) async fn get(server: SocketAddr, path: &str) -> io::Result<Response> {
    let answer = async {
        let mut stream = TcpStream::connect(server).await?;
        let request = format!("GET {path} HTTP/1.1\r\nHost: {server}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        Ok(answer)
    };
    let answer = timeout(PATIENCE, answer).await.unwrap_or_else(|_| {
        Err(io::Error::new(
            io::ErrorKind::TimedOut,
            format!("no answer within {PATIENCE:?}"),
        ))
    })?;
    parse(&answer).ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, format!("no HTTP answer: {answer:?}")))
}

fn parse(answer: &str) -> Option<Response> {
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.lines().next()?.strip_prefix("HTTP/1.1 ")?;
    Some(Response {
        status: status.to_owned(),
        body: body.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_and_body_are_taken_out() {
        let response = parse("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n6").expect("an answer");
        assert_eq!((response.status.as_str(), response.body.as_str()), ("200 OK", "6"));
        assert_eq!(parse("HTTP/1.1 200 OK\r\n"), None);
        assert_eq!(parse("57#{}\r\n\r\n"), None);
    }
}
