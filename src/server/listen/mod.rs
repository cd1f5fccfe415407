//! The trait that [`serve`](crate::server::serve()) accepts connections through.
//!
//! This module depends on neither sockets nor TLS; each listener is a file of its own.

pub(in crate::server) mod back_off;
pub(in crate::server) mod handshake;
pub(in crate::server) mod host;
pub(in crate::server) mod incoming;
pub(in crate::server) mod tcp;
#[cfg(feature = "tls")]
pub(in crate::server) mod tls;
#[cfg(unix)]
pub(in crate::server) mod unix;

pub use host::HostListener;
pub use incoming::Incoming;
#[cfg(feature = "tls")]
pub use tls::TlsListener;

use std::{future::Future, io};

use tokio::io::{AsyncRead, AsyncWrite};

/// A source of connections: [`HostListener`],
/// `tokio::net::UnixListener`, one of them under TLS, or one of your own.
///
/// ```no_run,ignore-windows
/// use std::io;
/// use nest_wire::server::{Router, extract::Extension, listen::{Incoming, Listener}, serve};
/// use tokio::net::{UnixListener, UnixStream, unix::UCred};
///
/// /// Passes each caller's user to handlers.
/// struct Introduced(UnixListener);
///
/// impl Listener for Introduced {
///     type Io = UnixStream;
///
///     async fn accept(&mut self) -> io::Result<Incoming<UnixStream>> {
///         let (stream, _) = self.0.accept().await?;
///         let user: UCred = stream.peer_cred()?;
///         Ok(Incoming::new(stream).with_extension(user))
///     }
/// }
///
/// async fn whoami(Extension(user): Extension<UCred>) -> u32 {
///     user.uid()
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> io::Result<()> {
/// let listener = Introduced(UnixListener::bind("/run/my-service.sock")?);
/// serve(listener, Router::new().message("whoami", whoami)).await;
/// # Ok(()) }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is nothing to listen on",
    label = "not a listener",
    note = "`HostListener::bind(\"localhost:8888\").await?` listens on all addresses of a name; tokio's `TcpListener` and \
            `UnixListener` are taken as they are, and `TlsListener` goes around any of them"
)]
pub trait Listener: Send + 'static {
    /// The type of an accepted connection.
    type Io: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    /// Returns the next connection.
    ///
    /// [`serve`](crate::server::serve()) drops this future when something else happens first, and
    /// then calls again: keep in `self` what must not be lost. Slow steps, such as a handshake,
    /// belong in [`Incoming::and_then`], because no other connection is accepted until this
    /// completes.
    ///
    /// # Errors
    /// No connection is available now. `serve` retries at once if the error concerns the arriving
    /// connection alone (aborted, refused, reset), and otherwise, for example when file descriptors
    /// have run out, after a second. It logs a panic and retries after a second too.
    fn accept(&mut self) -> impl Future<Output = io::Result<Incoming<Self::Io>>> + Send;
}
