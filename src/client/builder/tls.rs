//! Clients that speak TLS.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use tokio::{net::TcpStream, time::Instant};
use tokio_rustls::client::TlsStream;

use crate::{
    client::{
        BuildError, Client,
        config::Config,
        connect::{address::checked, host::Host, tcp::TcpConnector},
        pool::connection::Opener,
    },
    tls::ClientTls,
};

/// Makes a client of the services at these addresses.
pub(in crate::client) fn over_tls(
    addresses: Vec<String>,
    tls: &ClientTls,
    config: Config,
) -> Result<Client, BuildError> {
    let host = |address: String| {
        let address: Arc<str> = checked(address)?.into();
        let tls = tls.clone().for_address(&address)?;
        let (name, connector) = (Arc::clone(&address), TcpConnector::new(config.tcp.clone()));
        let limit = config.connect_timeout;
        let connect = move || {
            let (address, tls, connector) = (Arc::clone(&address), tls.clone(), connector.clone());
            async move {
                let deadline = Instant::now().checked_add(limit);
                connect_under(&tls, &connector, &address, deadline).await
            }
        };
        Ok(Host::named(name, connect))
    };
    let hosts: Vec<_> = addresses.into_iter().map(host).collect::<Result<_, BuildError>>()?;
    Client::of_hosts(hosts, config)
}

async fn connect_under(
    tls: &ClientTls,
    connector: &TcpConnector,
    address: &str,
    deadline: Option<Instant>,
) -> io::Result<TlsStream<TcpStream>> {
    tls.connect_by(deadline, address, connector.dial(address).await?).await
}

/// Returns the opener of connections to a discovered address. The certificate has to be valid for
/// the IP address, unless `tls` has another name.
pub(in crate::client) fn opener_over_tls(
    shown: Arc<str>,
    address: SocketAddr,
    tls: ClientTls,
    connector: TcpConnector,
    limit: Duration,
) -> Opener {
    let host: Arc<str> = address.ip().to_string().into();
    Opener::new(Host::named(shown, move || {
        let (tls, connector, host) = (tls.clone(), connector.clone(), Arc::clone(&host));
        async move {
            let deadline = Instant::now().checked_add(limit);
            let link = connector.dial_any(vec![address]).await?;
            tls.connect_by(deadline, &host, link).await
        }
    }))
}
