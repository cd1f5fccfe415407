//! Connects to a service at an address as it was typed, and knows why it cannot.

mod error;
mod race;
pub(crate) mod stream;

use std::{
    net::SocketAddr,
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    time::Duration,
};

use nest_wire::tls::ClientTls;
use tokio::{
    net::{TcpStream, lookup_host},
    time::{Instant, timeout},
};

pub(crate) use error::DialError;

use self::{
    error::reason,
    race::{Failed, first_of},
    stream::Stream,
};
use crate::{
    address::{Address, HostPort},
    duration,
};

/// Connects, as often as needed.
#[derive(Clone)]
pub(crate) struct Dialer {
    address: Address,
    /// `None` unless the address asks for it.
    tls: Option<ClientTls>,
    timeout: Duration,
}

impl Dialer {
    /// Returns what connects to an address within this time, the handshake of TLS included. An
    /// address with TLS needs `tls`.
    pub(crate) const fn new(address: Address, tls: Option<ClientTls>, timeout: Duration) -> Self {
        Self { address, tls, timeout }
    }

    /// Connects.
    pub(crate) async fn dial(&self) -> Result<Stream, DialError> {
        self.dial_noting(|_| {}).await
    }

    /// Connects, and calls `note` with a line for each step that is done.
    pub(crate) async fn dial_noting(&self, note: impl Fn(String) + Send + Sync) -> Result<Stream, DialError> {
        let is_shaking_hands = AtomicBool::new(false);
        match timeout(self.timeout, self.stream(&is_shaking_hands, note)).await {
            Ok(dialled) => dialled,
            Err(_) if is_shaking_hands.load(Relaxed) => Err(DialError::LateTls),
            Err(_) => Err(DialError::Late(self.timeout)),
        }
    }

    async fn stream(
        &self,
        is_shaking_hands: &AtomicBool,
        note: impl Fn(String) + Send + Sync,
    ) -> Result<Stream, DialError> {
        let begun = Instant::now();
        let took = || duration::shown(begun.elapsed());
        match &self.address {
            Address::Unix(path) => {
                let stream = unix(path).await?;
                note(format!("connected to {} in {}", self.address, took()));
                Ok(stream)
            }
            Address::Tcp(place) => {
                let (stream, steps) = tcp(place).await?;
                note(steps.shown(&took()));
                Ok(Stream::Tcp(stream))
            }
            Address::Tls(place) => {
                let (stream, steps) = tcp(place).await?;
                note(steps.shown(&took()));
                is_shaking_hands.store(true, Relaxed);
                let tls = self.tls.as_ref().expect("made for an address with TLS");
                let stream = tls.connect(place.host(), stream).await.map_err(DialError::Tls)?;
                let version = stream.get_ref().1.protocol_version();
                let version = version.and_then(|version| version.as_str()).unwrap_or("TLS");
                note(format!("{} after {}", version.replace("TLSv1_", "TLS 1."), took()));
                Ok(Stream::Tls(Box::new(stream.into())))
            }
        }
    }
}

/// What became of the addresses of a name.
struct Steps {
    peer: String,
    host: String,
    failed: Failed,
}

async fn tcp(place: &HostPort) -> Result<(TcpStream, Steps), DialError> {
    let addresses: Vec<SocketAddr> = lookup_host(place.to_string()).await.map_err(DialError::Name)?.collect();
    let (stream, failed) = first_of(addresses).await.map_err(DialError::Unreachable)?;
    let peer = stream.peer_addr();
    let steps = Steps {
        peer: peer.map_or_else(|_| place.to_string(), |peer| peer.to_string()),
        host: place.host().to_owned(),
        failed,
    };
    Ok((stream, steps))
}

impl Steps {
    /// Returns the line of a connection: with the other addresses of the name, and why those that
    /// were tried were of no use.
    fn shown(&self, took: &str) -> String {
        let failed: Vec<String> = self
            .failed
            .iter()
            .map(|(address, error)| format!("{address}, {}", reason(error)))
            .collect();
        let others = match failed.as_slice() {
            [] => String::new(),
            failed => format!(" ({} is also {})", self.host, failed.join(", and ")),
        };
        format!("connected to {} in {took}{others}", self.peer)
    }
}

#[cfg(unix)]
async fn unix(path: &std::path::Path) -> Result<Stream, DialError> {
    let stream = tokio::net::UnixStream::connect(path).await;
    stream.map(Stream::Unix).map_err(DialError::Socket)
}

#[cfg(not(unix))]
async fn unix(_: &std::path::Path) -> Result<Stream, DialError> {
    let reason = "this system has no Unix sockets";
    Err(DialError::Socket(std::io::Error::new(
        std::io::ErrorKind::Unsupported,
        reason,
    )))
}
