//! Connects to an address, and watches what passes.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use nest_wire::tls::ClientTls;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::lookup_host,
    time::{Instant, timeout},
};

use super::{
    dial_error::{DialError, reason},
    race::{Failed, first_of},
    seen::Seen,
    watched::Watched,
};
use crate::{
    address::{Address, HostPort},
    duration,
};

/// Anything that bytes can be read from and written to.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// A connection over TCP, TLS or a Unix socket.
pub(crate) type Dialled = Box<dyn Stream>;

/// What it takes to connect, as often as needed.
#[derive(Clone)]
pub(super) struct Dialer {
    pub(super) address: Arc<Address>,
    /// `None` unless the address asks for it.
    pub(super) tls: Option<ClientTls>,
    pub(super) timeout: Duration,
    pub(super) seen: Arc<Seen>,
}

impl Dialer {
    /// Connects within the time that there is.
    ///
    /// # Errors
    /// A [`DialError`] in an [`io::Error`].
    pub(super) async fn dial(self) -> io::Result<Watched<Dialled>> {
        let stream = self.dial_unwatched().await.map_err(io::Error::other)?;
        self.seen.begin_connection();
        Ok(Watched::new(stream, self.seen))
    }

    /// Connects within the time that there is. Nobody watches what passes.
    pub(super) async fn dial_unwatched(&self) -> Result<Dialled, DialError> {
        let is_shaking_hands = AtomicBool::new(false);
        match timeout(self.timeout, self.stream(&is_shaking_hands)).await {
            Ok(dialled) => dialled,
            Err(_) if is_shaking_hands.load(Relaxed) => Err(DialError::LateTls),
            Err(_) => Err(DialError::Late(self.timeout)),
        }
    }

    async fn stream(&self, is_shaking_hands: &AtomicBool) -> Result<Dialled, DialError> {
        let begun = Instant::now();
        match &*self.address {
            Address::Unix(path) => self.unix(path, begun).await,
            Address::Tcp(place) => Ok(Box::new(self.tcp(place, begun).await?)),
            Address::Tls(place) => {
                let stream = self.tcp(place, begun).await?;
                is_shaking_hands.store(true, Relaxed);
                let tls = self.tls.as_ref().expect("made for an address with TLS");
                let stream = tls.connect(place.host(), stream).await.map_err(DialError::Tls)?;
                let version = stream.get_ref().1.protocol_version();
                let version = version.and_then(|version| version.as_str()).unwrap_or("TLS");
                self.seen.note(|| {
                    let took = duration::shown(begun.elapsed());
                    format!("{} after {took}", version.replace("TLSv1_", "TLS 1."))
                });
                Ok(Box::new(stream))
            }
        }
    }

    async fn tcp(&self, place: &HostPort, begun: Instant) -> Result<tokio::net::TcpStream, DialError> {
        let addresses: Vec<SocketAddr> = lookup_host(place.to_string()).await.map_err(DialError::Name)?.collect();
        let (stream, failed) = first_of(addresses).await.map_err(DialError::Unreachable)?;
        self.seen.note(|| {
            let peer = stream
                .peer_addr()
                .map_or_else(|_| place.to_string(), |peer| peer.to_string());
            let took = duration::shown(begun.elapsed());
            format!("connected to {peer} in {took}{}", others(place, &failed))
        });
        Ok(stream)
    }

    #[cfg(unix)]
    async fn unix(&self, path: &std::path::Path, begun: Instant) -> Result<Dialled, DialError> {
        let stream = tokio::net::UnixStream::connect(path).await.map_err(DialError::Socket)?;
        self.seen.note(|| {
            let took = duration::shown(begun.elapsed());
            format!("connected to {} in {took}", self.address)
        });
        Ok(Box::new(stream))
    }

    #[cfg(not(unix))]
    async fn unix(&self, _: &std::path::Path, _: Instant) -> Result<Dialled, DialError> {
        let reason = "this system has no Unix sockets";
        Err(DialError::Socket(io::Error::new(io::ErrorKind::Unsupported, reason)))
    }
}

/// Returns which other addresses a name has, and why those that were tried were of no use.
fn others(place: &HostPort, failed: &Failed) -> String {
    let failed: Vec<String> = failed
        .iter()
        .map(|(address, error)| format!("{address}, {}", reason(error)))
        .collect();
    match failed.as_slice() {
        [] => String::new(),
        failed => format!(" ({} is also {})", place.host(), failed.join(", and ")),
    }
}
