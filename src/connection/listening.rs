//! Sockets that listen.

use std::{io, net::SocketAddr};

use tokio::net::{TcpListener, TcpSocket};

/// Maximum number of connections that wait to be accepted; the system lowers it to its own limit
/// (`net.core.somaxconn` on Linux).
///
/// Node asks for 511, which Nest leaves so, and tokio for 128. Past it Linux drops a connection
/// that its caller takes for open: a caller that then waits for the service to speak first waits
/// for ever.
const BACKLOG: u32 = 4096;

/// Binds a socket as [`TcpListener::bind`] does, with a longer queue.
pub(crate) fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    // On Windows the option means something else.
    #[cfg(not(windows))]
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}
