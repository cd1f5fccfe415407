//! Connects to a service at an address as it was typed.

use std::{io, time::Duration};

use nest_wire::tls::ClientTls;
use tokio::{
    net::{TcpStream, UnixStream},
    time::timeout,
};

use super::stream::Stream;
use crate::{
    address::Address,
    failure::{Failure, Status, with_causes},
    tls::TlsOptions,
};

/// Maximum time to connect, the handshake of TLS included.
const CONNECT: Duration = Duration::from_secs(10);

/// How to reach a service.
pub(crate) struct Connector {
    address: Address,
    tls: Option<ClientTls>,
}

impl Connector {
    /// Reads the files that TLS needs.
    pub(crate) fn new(address: Address, tls: &TlsOptions) -> Result<Self, Failure> {
        let usage = |error| Failure::new(Status::Usage, with_causes(&error));
        let tls = match &address {
            Address::Tls(_) => Some(tls.client().map_err(usage)?),
            _ => None,
        };
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
                let host = address.rsplit_once(':').map_or(address.as_str(), |(host, _)| host);
                let stream = tls.connect(host.trim_matches(['[', ']']), tcp(address).await?).await?;
                Ok(Stream::Tls(Box::new(stream.into())))
            }
        }
    }
}

async fn tcp(address: &str) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address).await?;
    // Small packets must not wait for acknowledgements.
    stream.set_nodelay(true)?;
    Ok(stream)
}
