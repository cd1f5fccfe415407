//! Connects over TCP.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
};

use tokio::net::{TcpStream, lookup_host};

use crate::{
    client::connect::race::{interleaved, race, rotated},
    connection::TcpOptions,
};

/// Makes TCP connections to one host with these options. Each connection begins with another
/// address of the host than the one before, the first one with a random address, so that clients
/// and connections spread over the addresses.
#[derive(Debug, Clone)]
pub(in crate::client) struct TcpConnector {
    options: TcpOptions,
    turn: Arc<AtomicUsize>,
}

impl TcpConnector {
    pub(in crate::client) fn new(options: TcpOptions) -> Self {
        Self {
            options,
            turn: Arc::new(AtomicUsize::new(fastrand::usize(..))),
        }
    }

    /// Connects to `host`, a name or an address with a port. Returns the connection to the first of
    /// its addresses that accepts.
    pub(in crate::client) async fn dial(&self, host: &str) -> io::Result<TcpStream> {
        self.dial_first(self.in_turn(lookup_host(host).await?.collect())).await
    }

    /// Connects to one of the addresses. Returns the connection to the first that accepts.
    pub(in crate::client) async fn dial_any(&self, addresses: Vec<SocketAddr>) -> io::Result<TcpStream> {
        if addresses.is_empty() {
            return Err(io::Error::new(io::ErrorKind::NotFound, "the resolver knows no address"));
        }
        self.dial_first(self.in_turn(addresses)).await
    }

    fn in_turn(&self, addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
        rotated(addresses, self.turn.fetch_add(1, Relaxed))
    }

    async fn dial_first(&self, addresses: Vec<SocketAddr>) -> io::Result<TcpStream> {
        let attempt = async |address: SocketAddr| self.configured(TcpStream::connect(address).await?);
        race(interleaved(addresses), attempt).await
    }

    /// Sets the options of a new connection and returns it. Refuses one to itself.
    fn configured(&self, stream: TcpStream) -> io::Result<TcpStream> {
        if leads_back(&stream) {
            return Err(io::Error::new(io::ErrorKind::ConnectionRefused, LEADS_BACK));
        }
        self.options.apply(&stream)?;
        Ok(stream)
    }
}

const LEADS_BACK: &str = "nothing listens there: the system has connected the socket to itself";

/// Returns true if both ends of the connection are the same socket. The system makes such a
/// connection when nothing listens on a local port and the system happens to choose that very port
/// for the caller (a "simultaneous open", RFC 9293 §3.5).
fn leads_back(stream: &TcpStream) -> bool {
    match (stream.local_addr(), stream.peer_addr()) {
        (Ok(local), Ok(peer)) => local == peer,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use socket2::SockRef;
    use tokio::{
        net::{TcpListener, TcpSocket},
        time::timeout,
    };

    use super::*;
    use crate::connection::Keepalive;

    #[tokio::test]
    async fn a_link_has_the_options_it_was_to_have() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let keepalive = Keepalive::after(Duration::from_secs(77))
            .interval(Duration::from_secs(7))
            .retries(3);
        let options = TcpOptions::default().nodelay(false).keepalive(keepalive);
        let stream = TcpConnector::new(options)
            .dial_any(vec![address])
            .await
            .expect("it listens");
        assert!(!stream.nodelay().expect("an option"));
        let socket = SockRef::from(&stream);
        assert!(socket.keepalive().expect("an option"));
        assert_eq!(socket.tcp_keepalive_time().expect("an option"), Duration::from_secs(77));
        #[cfg(target_os = "linux")]
        assert_eq!(
            socket.tcp_user_timeout().expect("an option"),
            Some(Duration::from_secs(77 + 3 * 7))
        );

        let dialer = TcpConnector::new(TcpOptions::default());
        let stream = dialer.dial(&address.to_string()).await.expect("it listens");
        assert!(stream.nodelay().expect("an option"));
        assert!(!SockRef::from(&stream).keepalive().expect("an option"));
    }

    #[tokio::test]
    async fn a_connection_of_a_socket_to_itself_is_refused() {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.bind("127.0.0.1:0".parse().expect("an address")).expect("a port");
        let address = socket.local_addr().expect("bound");
        let stream = socket.connect(address).await.expect("the system allows it");
        let refused = TcpConnector::new(TcpOptions::default()).configured(stream);
        let error = refused.expect_err("nobody listens");
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
        assert_eq!(error.to_string(), LEADS_BACK);
    }

    /// Returns the address of a listener with a full queue, which drops new connections: connecting
    /// to it hangs. The second value keeps the queue full.
    async fn silent_host() -> (SocketAddr, impl Sized) {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.bind("127.0.0.2:0".parse().expect("an address")).expect("a port");
        let listener = socket.listen(1).expect("it listens");
        let address = listener.local_addr().expect("bound");
        let mut queued = Vec::new();
        // The queue has room for a few connections: for more than one, but not for a hundred.
        while let Ok(connected) = timeout(Duration::from_millis(200), TcpStream::connect(address)).await {
            queued.push(connected.expect("it listens"));
            assert!(queued.len() < 100, "the queue never fills");
        }
        (address, (listener, queued))
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn an_address_that_does_not_answer_does_not_keep_the_others_from_being_tried() {
        let (silent, _kept) = silent_host().await;
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let dialer = TcpConnector::new(TcpOptions::default());
        let dialled = dialer.dial_first(vec![silent, silent, address]).await;
        assert_eq!(dialled.expect("one answers").peer_addr().expect("connected"), address);
    }
}
