//! Connects to the first address of a name that accepts (RFC 8305, "happy eyeballs").
//!
//! The library does the same for its own connections and says afterwards only that they all failed.
//! Here each address and its reason are kept, to be shown.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use futures_util::{StreamExt, stream::FuturesUnordered};
use tokio::{net::TcpStream, time::sleep};

/// Time between the starts of two attempts, unless one fails sooner.
const STAGGER: Duration = Duration::from_millis(250);

/// The addresses that did not accept, and why.
pub(super) type Failed = Vec<(IpAddr, io::Error)>;

/// Returns a connection, and the addresses that failed before.
///
/// # Errors
/// No address accepts.
pub(super) async fn first_of(addresses: Vec<SocketAddr>) -> Result<(TcpStream, Failed), Failed> {
    let mut waiting = addresses.into_iter();
    let mut running = FuturesUnordered::new();
    let mut failed = Vec::new();
    loop {
        if let Some(address) = waiting.next() {
            running.push(async move { (address, attempt(address).await) });
        }
        let ended = tokio::select! {
            biased;
            ended = running.next() => ended,
            () = sleep(STAGGER), if waiting.len() > 0 => continue,
        };
        match ended {
            Some((_, Ok(stream))) => return Ok((stream, failed)),
            Some((address, Err(error))) => failed.push((address.ip(), error)),
            None => return Err(failed),
        }
    }
}

async fn attempt(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address).await?;
    if leads_back(&stream) {
        let reason = "nothing listens there: the system connected the socket to itself";
        return Err(io::Error::new(io::ErrorKind::ConnectionRefused, reason));
    }
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Returns true if both ends are the same socket, as the system makes it when nothing listens on a
/// local port and it picks that very port for the caller.
fn leads_back(stream: &TcpStream) -> bool {
    matches!((stream.local_addr(), stream.peer_addr()), (Ok(local), Ok(peer)) if local == peer)
}

#[cfg(test)]
mod tests {
    use tokio::net::{TcpListener, TcpSocket};

    use super::*;

    #[tokio::test]
    async fn the_addresses_before_the_one_that_accepts_are_kept_with_their_reasons() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let free = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let (there, gone) = (listener.local_addr().expect("bound"), free.local_addr().expect("bound"));
        drop(free);
        let (stream, failed) = first_of(vec![gone, there]).await.expect("one listens");
        assert_eq!(stream.peer_addr().expect("connected"), there);
        assert_eq!(failed.len(), 1);
        assert_eq!(failed[0].1.kind(), io::ErrorKind::ConnectionRefused);
        assert_eq!(first_of(vec![gone, gone]).await.expect_err("none listens").len(), 2);
        assert_eq!(first_of(Vec::new()).await.expect_err("there is none").len(), 0);
    }

    #[tokio::test]
    async fn a_connection_to_oneself_is_recognised() {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.bind("127.0.0.1:0".parse().expect("an address")).expect("a port");
        let address = socket.local_addr().expect("bound");
        let stream = socket.connect(address).await.expect("the system allows it");
        assert!(leads_back(&stream));
    }
}
