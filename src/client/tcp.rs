//! TCP links of the client's own making.

use std::{io, net::SocketAddr, time::Duration};

use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpStream, ToSocketAddrs};

use super::Config;

/// How the system probes a link on which nothing happens. What is not set is the system's choice.
///
/// ```
/// use std::time::Duration;
/// use nest_wire::client::Keepalive;
///
/// // A peer that vanished is noticed after 30 + 3 * 10 seconds.
/// let keepalive = Keepalive::after(Duration::from_secs(30))
///     .interval(Duration::from_secs(10))
///     .retries(3);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Keepalive {
    /// How long a link is idle before the first probe. The system may count in whole seconds.
    pub idle: Duration,
    /// How long to wait between two probes.
    pub interval: Option<Duration>,
    /// How many probes may go unanswered before the link counts as lost.
    pub retries: Option<u32>,
}

impl Keepalive {
    /// Probes links that have been idle for so long.
    #[must_use]
    pub const fn after(idle: Duration) -> Self {
        Self {
            idle,
            interval: None,
            retries: None,
        }
    }

    /// Sets [`Keepalive::interval`].
    #[must_use]
    pub const fn interval(mut self, interval: Duration) -> Self {
        self.interval = Some(interval);
        self
    }

    /// Sets [`Keepalive::retries`].
    #[must_use]
    pub const fn retries(mut self, retries: u32) -> Self {
        self.retries = Some(retries);
        self
    }

    fn options(&self) -> TcpKeepalive {
        let mut options = TcpKeepalive::new().with_time(self.idle);
        if let Some(interval) = self.interval {
            options = options.with_interval(interval);
        }
        if let Some(retries) = self.retries {
            options = options.with_retries(retries);
        }
        options
    }
}

/// The part of [`Config`] that a TCP link has from its beginning.
#[derive(Debug, Clone)]
pub(super) struct Dialer {
    nodelay: bool,
    keepalive: Option<TcpKeepalive>,
}

impl Dialer {
    pub(super) fn new(config: &Config) -> Self {
        Self {
            nodelay: config.nodelay,
            keepalive: config.keepalive.as_ref().map(Keepalive::options),
        }
    }

    /// Tries the addresses in turn.
    pub(super) async fn dial(&self, addresses: impl ToSocketAddrs) -> io::Result<TcpStream> {
        let stream = TcpStream::connect(addresses).await?;
        stream.set_nodelay(self.nodelay)?;
        if let Some(keepalive) = &self.keepalive {
            SockRef::from(&stream).set_tcp_keepalive(keepalive)?;
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
