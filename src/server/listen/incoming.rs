//! A connection as a listener passes it to [`serve`](crate::server::serve()), with its peer, its
//! extensions and its handshake.

use std::{fmt, future::Future, io, net::SocketAddr};

use http::Extensions;

use crate::server::listen::handshake::{Handshake, Opened};

/// An accepted connection, which may need a handshake before it can be used.
pub struct Incoming<IO> {
    peer: Option<SocketAddr>,
    /// True if the handshake may find another address of the peer.
    learns_peer: bool,
    opening: Opening<IO>,
}

/// A connection that is open, or that opens after a handshake.
pub(in crate::server) enum Opening<IO> {
    Open(IO, Extensions),
    After(Handshake<IO>),
}

impl<IO: Send + 'static> Incoming<IO> {
    /// Returns a connection that can be used at once.
    #[must_use]
    pub fn new(io: IO) -> Self {
        Self {
            peer: None,
            learns_peer: false,
            opening: Opening::Open(io, Extensions::new()),
        }
    }

    /// Sets the caller's address, for [`Context::peer`](crate::server::Context), for
    /// [`Limits::max_connections_per_peer`](crate::server::Limits::max_connections_per_peer) and
    /// for the log. Returns the connection.
    #[must_use]
    pub fn with_peer(mut self, peer: SocketAddr) -> Self {
        self.peer = Some(peer);
        self
    }

    /// Adds a value to each request of the connection, for
    /// [`Extension`](crate::server::extract::Extension) to take. Returns the connection. Each
    /// request clones the value.
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

    /// Adds a step that must be done before the connection can be used, such as a TLS handshake.
    /// Returns the connection. The step runs in the connection's own task, while other connections
    /// are accepted; limit its time. A panic in it ends this connection alone.
    ///
    /// `open` receives the connection and the extensions added so far, and may add to them. A step
    /// that finds out the peer's address belongs in [`with_handshake`](Self::with_handshake).
    #[must_use]
    pub fn and_then<T, F>(self, open: impl FnOnce(IO, Extensions) -> F + Send + 'static) -> Incoming<T>
    where
        F: Future<Output = io::Result<(T, Extensions)>> + Send,
    {
        let (peer, learns_peer) = (self.peer, self.learns_peer);
        let handshake = async move {
            let before = self.open().await?;
            let (io, extensions) = open(before.io, before.extensions).await?;
            Ok(Opened {
                io,
                extensions,
                peer: before.peer,
            })
        };
        Incoming {
            peer,
            learns_peer,
            opening: Opening::After(Box::pin(handshake)),
        }
    }

    /// Adds a handshake, as [`and_then`](Self::and_then) does, that finds out the peer's address.
    /// Returns the connection. `handshake` returns an `Incoming` that may have a peer and
    /// extensions. That peer replaces the one known before, for
    /// [`Context::peer`](crate::server::Context), for the spans and the log, and for
    /// [`Limits::max_connections_per_peer`](crate::server::Limits::max_connections_per_peer).
    ///
    /// Until the handshake is done, the connection counts for no peer, only for
    /// [`max_connections`](crate::server::Limits::max_connections): all connections through a
    /// balancer seem to come from one address. If the peer that the handshake finds out has too
    /// many connections, this one is refused like any other.
    ///
    /// This example reads the first line that a balancer sends before each connection's own bytes,
    /// with version 1 of the PROXY protocol:
    ///
    /// ```
    /// use std::{io, net::{IpAddr, SocketAddr}, time::Duration};
    /// use nest_wire::server::{Context, Limits, Router, listen::{Incoming, Listener}, serve};
    /// use tokio::{io::AsyncReadExt, net::{TcpListener, TcpStream}, time::timeout};
    ///
    /// /// Accepts from a balancer. No caller may connect directly: it could name any address.
    /// struct Proxied(TcpListener);
    ///
    /// impl Listener for Proxied {
    ///     type Io = TcpStream;
    ///
    ///     async fn accept(&mut self) -> io::Result<Incoming<TcpStream>> {
    ///         let (stream, balancer) = self.0.accept().await?;
    ///         Ok(Incoming::new(stream).with_peer(balancer).with_handshake(async |mut stream: TcpStream| {
    ///             let peer = timeout(Duration::from_secs(5), read_header(&mut stream)).await??;
    ///             let accepted = Incoming::new(stream);
    ///             Ok(match peer {
    ///                 Some(peer) => accepted.with_peer(peer),
    ///                 None => accepted,
    ///             })
    ///         }))
    ///     }
    /// }
    ///
    /// /// Reads `PROXY TCP4 192.0.2.7 198.51.100.1 56324 8888\r\n`, and not a byte more. Returns
    /// /// the source, which is the first address and the first port; `None` if the header names no
    /// /// address: `PROXY UNKNOWN …`.
    /// async fn read_header(stream: &mut TcpStream) -> io::Result<Option<SocketAddr>> {
    ///     let malformed = || io::Error::new(io::ErrorKind::InvalidData, "no PROXY header");
    ///     let mut header = Vec::new();
    ///     while !header.ends_with(b"\r\n") {
    ///         if header.len() == 107 {
    ///             return Err(malformed());
    ///         }
    ///         header.push(stream.read_u8().await?);
    ///     }
    ///     let header = std::str::from_utf8(&header).map_err(|_| malformed())?;
    ///     let words: Vec<&str> = header.trim_end().split(' ').collect();
    ///     match words[..] {
    ///         ["PROXY", "TCP4" | "TCP6", source, _, port, _] => {
    ///             let source: IpAddr = source.parse().map_err(|_| malformed())?;
    ///             let port: u16 = port.parse().map_err(|_| malformed())?;
    ///             Ok(Some(SocketAddr::new(source, port)))
    ///         }
    ///         ["PROXY", "UNKNOWN", ..] => Ok(None),
    ///         _ => Err(malformed()),
    ///     }
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let listener = Proxied(TcpListener::bind("127.0.0.1:0").await?);
    /// # let address = listener.0.local_addr()?;
    /// let router = Router::new().message("whoami", async |context: Context| context.peer.map(|peer| peer.to_string()));
    /// let service = serve(listener, router).limits(Limits::default().max_connections_per_peer(100));
    /// # tokio::spawn(service.into_future());
    /// # use tokio::io::AsyncWriteExt;
    /// # let mut balancer = TcpStream::connect(address).await?;
    /// # balancer.write_all(b"PROXY TCP4 192.0.2.7 198.51.100.1 56324 8888\r\n").await?;
    /// # balancer.write_all(br#"36#{"pattern":"whoami","data":0,"id":1}"#).await?;
    /// # let mut reply = [0; 58];
    /// # balancer.read_exact(&mut reply).await?;
    /// # assert_eq!(std::str::from_utf8(&reply)?, r#"55#{"response":"192.0.2.7:56324","isDisposed":true,"id":1}"#);
    /// # Ok(()) }
    /// ```
    ///
    /// [`TlsListener`](crate::server::listen::TlsListener) wraps such a listener if the header
    /// comes before TLS, as balancers send it.
    #[must_use]
    pub fn with_handshake<T, F>(self, handshake: impl FnOnce(IO) -> F + Send + 'static) -> Incoming<T>
    where
        T: Send + 'static,
        F: Future<Output = io::Result<Incoming<T>>> + Send,
    {
        let peer = self.peer;
        let handshake = async move {
            let before = self.open().await?;
            let accepted = handshake(before.io).await?;
            let peer = accepted.peer.or(before.peer);
            let after = accepted.open().await?;
            let mut extensions = before.extensions;
            extensions.extend(after.extensions);
            Ok(Opened {
                io: after.io,
                extensions,
                peer: after.peer.or(peer),
            })
        };
        Incoming {
            peer,
            learns_peer: true,
            opening: Opening::After(Box::pin(handshake)),
        }
    }

    /// Returns the peer's address as known before the handshake.
    pub(in crate::server) fn peer(&self) -> Option<SocketAddr> {
        self.peer
    }

    /// Returns true if the handshake may find another address of the peer.
    pub(in crate::server) fn learns_peer(&self) -> bool {
        self.learns_peer
    }

    pub(in crate::server) fn into_opening(self) -> Opening<IO> {
        self.opening
    }

    /// Runs the handshake, if there is one. Returns the connection, ready for use.
    pub(in crate::server) async fn open(self) -> io::Result<Opened<IO>> {
        match self.opening {
            Opening::Open(io, extensions) => Ok(Opened {
                io,
                extensions,
                peer: None,
            }),
            Opening::After(handshake) => handshake.await,
        }
    }
}

impl<IO> fmt::Debug for Incoming<IO> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Incoming")
            .field("peer", &self.peer)
            .finish_non_exhaustive()
    }
}
