//! Connects to a service at an address as it was typed.

use std::{io, sync::Arc, time::Duration};

use nest_wire::{client::Target, tls::ClientTls};
use tokio::{
    net::{TcpStream, UnixStream},
    time::timeout,
};

use super::stream::Stream;
use crate::{
    address::{Address, HostPort},
    failure::Failure,
    tls::TlsOptions,
};

/// Maximum time to connect, the handshake of TLS included.
const CONNECT: Duration = Duration::from_secs(10);

/// How to reach a service.
pub(crate) struct Connector {
    address: Address,
    tls: Option<ClientTls>,
}

/// Returns a client's way to these services.
pub(crate) fn target(addresses: &[Address], tls: &TlsOptions) -> Result<Target, Failure> {
    let connectors: Vec<Arc<Connector>> = addresses
        .iter()
        .map(|address| Connector::new(address.clone(), tls).map(Arc::new))
        .collect::<Result<_, _>>()?;
    let connectors = connectors.into_iter().map(|connector| {
        move || {
            let connector = Arc::clone(&connector);
            async move { connector.connect().await }
        }
    });
    Ok(Target::connectors(connectors))
}

/// Connects to a service once. Returns what went wrong, in words, if it cannot be reached.
pub(crate) async fn absence(address: &Address, tls: &TlsOptions) -> Option<String> {
    let connector = Connector::new(address.clone(), tls).ok()?;
    let error = connector.connect().await.err()?;
    Some(format!("cannot connect to {address}: {}", super::reason(&error)))
}

impl Connector {
    /// Reads the files that TLS needs.
    pub(crate) fn new(address: Address, tls: &TlsOptions) -> Result<Self, Failure> {
        let tls = address.is_tls().then(|| tls.client()).transpose()?;
        Ok(Self { address, tls })
    }

    /// Connects.
    pub(crate) async fn connect(&self) -> io::Result<Stream> {
        timeout(CONNECT, self.dial()).await?
    }

    async fn dial(&self) -> io::Result<Stream> {
        match &self.address {
            Address::Tcp(address) => tcp(address).await.map(Stream::Tcp),
            Address::Unix(path) => UnixStream::connect(path).await.map(Stream::Unix),
            Address::Tls(address) => {
                let tls = self.tls.as_ref().expect("made for an address with TLS");
                let stream = tls.connect(address.host(), tcp(address).await?).await?;
                Ok(Stream::Tls(Box::new(stream.into())))
            }
        }
    }
}

async fn tcp(address: &HostPort) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address.to_string()).await?;
    // Small packets must not wait for acknowledgements.
    stream.set_nodelay(true)?;
    Ok(stream)
}
