//! Listens on a plain TCP socket, as with axum.

use std::io;

use tokio::net::{TcpListener, TcpStream};

use crate::server::listen::{Incoming, Listener};

/// Listens on one address only. Turns off Nagle's algorithm and sets no other option:
/// [`HostListener`](crate::server::HostListener) does more.
///
/// ```no_run
/// use nest_wire::server::{Router, serve};
/// use tokio::net::TcpListener;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> std::io::Result<()> {
/// let listener = TcpListener::bind("127.0.0.1:8888").await?;
/// serve(listener, Router::new().message("ping", async || "pong")).await;
/// # Ok(()) }
/// ```
impl Listener for TcpListener {
    type Io = TcpStream;

    async fn accept(&mut self) -> io::Result<Incoming<TcpStream>> {
        let (stream, peer) = Self::accept(self).await?;
        // A connection works without the option.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "cannot turn Nagle's algorithm off");
        }
        Ok(Incoming::new(stream).with_peer(peer))
    }
}
