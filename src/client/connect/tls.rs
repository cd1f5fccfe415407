//! Connects with TLS.

use std::{io, sync::Arc};

use tokio::{net::TcpStream, time::Instant};
use tokio_rustls::client::TlsStream;

use crate::{
    client::{
        Client, Config,
        connect::{address::checked, host::Host, tcp::TcpConnector},
    },
    tls::{ClientTls, TlsError},
};

impl Client {
    /// A client of the service at `address`, `"localhost:8888"` for example, that speaks TLS with it: as `tls` says,
    /// a [`ClientTls`] or a `ClientConfig` of [`rustls`](crate::tls::rustls). Nothing is connected yet.
    ///
    /// ```no_run
    /// use nest_wire::{client::Client, tls::ClientTls};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let client = Client::tls("localhost:8888", ClientTls::from_ca_file("ca.pem")?)?;
    /// let answer: String = client.send("ping", &0).await?;
    /// # Ok(()) }
    /// ```
    ///
    /// For TLS over anything else than TCP, give [`with_connector`](Self::with_connector) a closure that ends with
    /// [`ClientTls::connect`].
    ///
    /// # Errors
    /// [`TlsError::Address`] if `address` has no port, for example; [`TlsError::ServerName`] if the host in it is no name
    /// that a certificate could be for.
    pub fn tls(address: impl Into<String>, tls: impl Into<ClientTls>) -> Result<Self, TlsError> {
        Self::tls_with_config(address, tls, Config::default())
    }

    /// As [`tls`](Self::tls), with other limits and timeouts.
    ///
    /// [`Config::connect_timeout`] includes the handshake. Of several addresses, the first to accept the TCP connection
    /// is taken; if it then does not answer in TLS, the attempt fails and the next one begins anew.
    ///
    /// # Errors
    /// As [`tls`](Self::tls).
    pub fn tls_with_config(
        address: impl Into<String>,
        tls: impl Into<ClientTls>,
        config: Config,
    ) -> Result<Self, TlsError> {
        let address = checked(address.into()).map_err(|error| TlsError::Address(error.into()))?;
        let address: Arc<str> = address.into();
        let tls = tls.into().for_address(&address)?;
        let (name, dialer) = (Arc::clone(&address), TcpConnector::new(&config));
        let limit = config.connect_timeout;
        let connect = move || {
            let (address, tls, dialer) = (Arc::clone(&address), tls.clone(), dialer.clone());
            async move {
                let deadline = Instant::now().checked_add(limit);
                connect_under(&tls, &dialer, &address, deadline).await
            }
        };
        Ok(Self::of_hosts(&[Host::named(name, connect)], config))
    }
}

async fn connect_under(
    tls: &ClientTls,
    dialer: &TcpConnector,
    address: &str,
    deadline: Option<Instant>,
) -> io::Result<TlsStream<TcpStream>> {
    tls.connect_by(deadline, address, dialer.dial(address).await?).await
}
