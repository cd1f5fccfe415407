//! Where a service's connections come from: the trait that [`serve`](super::serve) listens through.
//!
//! Knows neither sockets nor TLS; each listener is a file of its own.

use std::{fmt, future::Future, io, net::SocketAddr, pin::Pin};

use http::Extensions;
use tokio::io::{AsyncRead, AsyncWrite};

/// A source of connections: [`Listener`](super::Listener), `tokio::net::UnixListener`, one of them
/// under TLS, or one of your own.
///
/// ```no_run,ignore-windows
/// use std::io;
/// use nest_wire::server::{Accept, Accepted, Extension, Router, serve};
/// use tokio::net::{UnixListener, UnixStream, unix::UCred};
///
/// /// Lets handlers know which user a caller is.
/// struct Introduced(UnixListener);
///
/// impl Accept for Introduced {
///     type Io = UnixStream;
///
///     async fn accept(&mut self) -> io::Result<Accepted<UnixStream>> {
///         let (stream, _) = self.0.accept().await?;
///         let user: UCred = stream.peer_cred()?;
///         Ok(Accepted::new(stream).with_extension(user))
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
    note = "`Listener::bind(\"localhost:8888\").await?` listens on all addresses of a name; tokio's `TcpListener` and \
            `UnixListener` are taken as they are, and `TlsListener` goes around any of them"
)]
pub trait Accept: Send + 'static {
    /// An accepted link.
    type Io: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    /// The next connection.
    ///
    /// [`serve`](super::serve) drops this future when something else happens first and then calls anew: whatever is
    /// not to be lost belongs into `self`. What takes time, such as a handshake, belongs into
    /// [`Accepted::and_then`]: until this completes nobody else is accepted.
    ///
    /// # Errors
    /// There is none to be had now. `serve` tries on: at once if the error is one of the arriving connection
    /// (aborted, refused, reset), else, as when file descriptors have run out, after a second.
    fn accept(&mut self) -> impl Future<Output = io::Result<Accepted<Self::Io>>> + Send;
}

/// A connection that was accepted, perhaps with something to be done before it can be used.
pub struct Accepted<IO> {
    peer: Option<SocketAddr>,
    opening: Opening<IO>,
}

/// Whether something is to be done first.
pub(super) enum Opening<IO> {
    Open(IO, Extensions),
    After(Handshake<IO>),
}

pub(super) type Handshake<IO> = Pin<Box<dyn Future<Output = io::Result<(IO, Extensions)>> + Send>>;

impl<IO: Send + 'static> Accepted<IO> {
    /// A connection that can be used at once.
    #[must_use]
    pub fn new(io: IO) -> Self {
        Self {
            peer: None,
            opening: Opening::Open(io, Extensions::new()),
        }
    }

    /// Adds where the caller is, for [`Context::peer`](super::Context) and for the log.
    #[must_use]
    pub fn with_peer(mut self, peer: SocketAddr) -> Self {
        self.peer = Some(peer);
        self
    }

    /// Adds something that each request of the connection is to carry, for [`Extension`](super::Extension) to take.
    /// Each request clones it.
    #[must_use]
    pub fn with_extension<T: Clone + Send + Sync + 'static>(self, value: T) -> Self {
        match self.opening {
            Opening::Open(io, mut extensions) => {
                extensions.insert(value);
                Self {
                    opening: Opening::Open(io, extensions),
                    ..self
                }
            }
            Opening::After(_) => self.and_then(async move |io, mut extensions: Extensions| {
                extensions.insert(value);
                Ok((io, extensions))
            }),
        }
    }

    /// Adds what has to be done before the connection can be used: a handshake, reading a proxy's header. It is done
    /// in the connection's own task, while others are accepted; bound the time it may take.
    ///
    /// `open` gets the link, and the extensions added so far to add to.
    #[must_use]
    pub fn and_then<T, F>(self, open: impl FnOnce(IO, Extensions) -> F + Send + 'static) -> Accepted<T>
    where
        F: Future<Output = io::Result<(T, Extensions)>> + Send,
    {
        let peer = self.peer;
        let handshake = async move {
            let (io, extensions) = self.open().await?;
            open(io, extensions).await
        };
        Accepted {
            peer,
            opening: Opening::After(Box::pin(handshake)),
        }
    }

    pub(super) fn peer(&self) -> Option<SocketAddr> {
        self.peer
    }

    pub(super) fn into_opening(self) -> Opening<IO> {
        self.opening
    }

    /// Does what has to be done.
    pub(super) async fn open(self) -> io::Result<(IO, Extensions)> {
        match self.opening {
            Opening::Open(io, extensions) => Ok((io, extensions)),
            Opening::After(handshake) => handshake.await,
        }
    }
}

impl<IO> fmt::Debug for Accepted<IO> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Accepted")
            .field("peer", &self.peer)
            .finish_non_exhaustive()
    }
}
