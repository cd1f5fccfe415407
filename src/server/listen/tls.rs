//! TLS on top of another listener.

use std::{fmt, io, path::Path, sync::Arc, time::Duration};

use tokio::time::timeout;
use tokio_rustls::{TlsAcceptor, rustls::ServerConfig, server::TlsStream};

use crate::{
    server::listen::{Incoming, Listener},
    tls::{PeerCertificates, ServerTls, TlsError, explained},
};

const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// Accepts connections from another listener, and speaks TLS on them.
///
/// Each handshake runs in its connection's own task. A failed handshake is logged and affects no
/// other connection. If a caller was asked for a certificate and has one, the extensions of its
/// requests have [`PeerCertificates`].
///
/// ```no_run
/// use nest_wire::server::{HostListener, Router, listen::TlsListener, serve};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let listener = HostListener::bind("localhost:8888").await?;
/// let listener = TlsListener::from_pem_files(listener, "cert.pem", "key.pem")?;
/// serve(listener, Router::new().message("ping", async || "pong")).await;
/// # Ok(()) }
/// ```
pub struct TlsListener<L> {
    listener: L,
    acceptor: TlsAcceptor,
    handshake_timeout: Duration,
}

impl<L> TlsListener<L> {
    /// Wraps `listener` with the settings of `tls`: a [`ServerTls`], or a `ServerConfig` of
    /// [`rustls`](crate::tls::rustls). Returns the TLS listener.
    #[must_use]
    pub fn new(listener: L, tls: impl Into<Arc<ServerConfig>>) -> Self {
        Self {
            listener,
            acceptor: tls.into().into(),
            handshake_timeout: HANDSHAKE_TIMEOUT,
        }
    }

    /// Wraps `listener` with the certificate and key in these two PEM files. Returns the TLS
    /// listener. It accepts callers with and without a certificate.
    ///
    /// # Errors
    /// Same as [`ServerTls::from_pem_files`].
    pub fn from_pem_files(
        listener: L,
        certificates: impl AsRef<Path>,
        key: impl AsRef<Path>,
    ) -> Result<Self, TlsError> {
        ServerTls::from_pem_files(certificates, key).map(|tls| Self::new(listener, tls))
    }

    /// Sets the maximum time for a handshake; a caller that exceeds it is disconnected. Returns the
    /// listener. Raise it for callers on slow networks. Lower it against callers that connect and
    /// send nothing, to hold connections. Default: 10 seconds.
    #[must_use]
    pub const fn handshake_timeout(mut self, timeout: Duration) -> Self {
        self.handshake_timeout = timeout;
        self
    }

    /// Returns the wrapped listener, for example to ask for its address.
    #[must_use]
    pub const fn inner(&self) -> &L {
        &self.listener
    }
}

impl<L: Listener> Listener for TlsListener<L> {
    type Io = TlsStream<L::Io>;

    async fn accept(&mut self) -> io::Result<Incoming<Self::Io>> {
        let accepted = self.listener.accept().await?;
        let (acceptor, limit) = (self.acceptor.clone(), self.handshake_timeout);
        Ok(accepted.and_then(async move |link, mut extensions: http::Extensions| {
            let stream = timeout(limit, acceptor.accept(link))
                .await
                .unwrap_or_else(|_| Err(too_slow(limit)))
                .map_err(|error| explained(error, "caller"))?;
            // Inserted only if there is a certificate: each request clones the extensions.
            if let Some(certificates) = PeerCertificates::from_connection(stream.get_ref().1) {
                extensions.insert(certificates);
            }
            Ok((stream, extensions))
        }))
    }
}

fn too_slow(limit: Duration) -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, format!("no TLS handshake within {limit:?}"))
}

impl<L: fmt::Debug> fmt::Debug for TlsListener<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsListener")
            .field("listener", &self.listener)
            .field("handshake_timeout", &self.handshake_timeout)
            .finish_non_exhaustive()
    }
}
