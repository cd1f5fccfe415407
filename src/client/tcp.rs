//! TCP links of the client's own making.

use std::{io, net::SocketAddr};

use tokio::net::{TcpStream, ToSocketAddrs};

use super::Config;
use crate::connection::Keepalive;

/// The part of [`Config`] that a TCP link has from its beginning.
#[derive(Debug, Clone)]
pub(super) struct Dialer {
    nodelay: bool,
    keepalive: Option<Keepalive>,
}

impl Dialer {
    pub(super) fn new(config: &Config) -> Self {
        Self {
            nodelay: config.nodelay,
            keepalive: config.keepalive.clone(),
        }
    }

    /// Tries the addresses in turn.
    pub(super) async fn dial(&self, addresses: impl ToSocketAddrs) -> io::Result<TcpStream> {
        let stream = TcpStream::connect(addresses).await?;
        stream.set_nodelay(self.nodelay)?;
        if let Some(keepalive) = &self.keepalive {
            keepalive.apply(&stream)?;
        }
        Ok(stream)
    }

    /// Tries the addresses in turn, from any of them on, so that clients and links spread over them.
    pub(super) async fn dial_any(&self, mut addresses: Vec<SocketAddr>) -> io::Result<TcpStream> {
        if addresses.is_empty() {
            return Err(io::Error::new(io::ErrorKind::NotFound, "the resolver knows no address"));
        }
        let first = fastrand::usize(..addresses.len());
        addresses.rotate_left(first);
        self.dial(&addresses[..]).await
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use socket2::SockRef;
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn a_link_has_the_options_it_was_to_have() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let keepalive = Keepalive::after(Duration::from_secs(77))
            .interval(Duration::from_secs(7))
            .retries(3);
        let config = Config::default().nodelay(false).keepalive(keepalive);
        let stream = Dialer::new(&config).dial_any(vec![address]).await.expect("it listens");
        assert!(!stream.nodelay().expect("an option"));
        let socket = SockRef::from(&stream);
        assert!(socket.keepalive().expect("an option"));
        assert_eq!(socket.tcp_keepalive_time().expect("an option"), Duration::from_secs(77));

        let stream = Dialer::new(&Config::default()).dial(address).await.expect("it listens");
        assert!(stream.nodelay().expect("an option"));
        assert!(!SockRef::from(&stream).keepalive().expect("an option"));
    }
}
