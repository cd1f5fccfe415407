//! Listens on Unix sockets. Their callers have no address that a
//! [`SocketAddr`](std::net::SocketAddr) could hold.

use std::io;

use tokio::net::{UnixListener, UnixStream};

use crate::server::listen::{Incoming, Listener};

/// ```no_run
/// use nest_wire::server::{Router, serve};
/// use tokio::net::UnixListener;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> std::io::Result<()> {
/// // A file that an earlier run has left behind would count as a taken address.
/// let _ = std::fs::remove_file("/run/my-service.sock");
/// let listener = UnixListener::bind("/run/my-service.sock")?;
/// serve(listener, Router::new().message("ping", async || "pong")).await;
/// # Ok(()) }
/// ```
impl Listener for UnixListener {
    type Io = UnixStream;

    async fn accept(&mut self) -> io::Result<Incoming<UnixStream>> {
        let (stream, _unnamed) = Self::accept(self).await?;
        Ok(Incoming::new(stream))
    }
}
