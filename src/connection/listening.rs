//! Listening sockets.

use std::{io, net::SocketAddr};

use tokio::net::{TcpListener, TcpSocket};

/// Maximum number of connections that wait to be accepted; the system lowers it to its own limit
/// (`net.core.somaxconn` on Linux).
///
/// Node requests 511, which Nest does not change, and tokio 128. If the queue exceeds the limit,
/// Linux drops a connection that its caller considers open; a caller that then waits for the
/// service to send first waits forever.
const BACKLOG: u32 = 4096;

/// Binds a socket as [`TcpListener::bind`] does, with a longer queue. Returns the listener.
pub(crate) fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    // On Windows the option has a different meaning.
    #[cfg(not(windows))]
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}
