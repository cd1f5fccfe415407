//! The services behind a proxy.

use std::{io, time::Duration};

use nest_wire::client::Target;

use crate::{address::Address, dial::Dialer, failure::Failure, tls::TlsOptions};

/// Maximum time to connect, the handshake of TLS included.
const CONNECT: Duration = Duration::from_secs(10);

/// Returns what connects to a service. Reads the files that TLS needs.
pub(crate) fn dialer(address: &Address, tls: &TlsOptions) -> Result<Dialer, Failure> {
    let tls = address.is_tls().then(|| tls.client()).transpose()?;
    Ok(Dialer::new(address.clone(), tls, CONNECT))
}

/// Returns a client's way to these services.
pub(crate) fn target(addresses: &[Address], tls: &TlsOptions) -> Result<Target, Failure> {
    let dialers = addresses.iter().map(|address| dialer(address, tls));
    let dialers = dialers.collect::<Result<Vec<_>, _>>()?;
    Ok(Target::connectors(dialers.into_iter().map(|dialer| {
        move || {
            let dialer = dialer.clone();
            async move { dialer.dial().await.map_err(io::Error::other) }
        }
    })))
}

/// Connects to a service once. Returns what went wrong, in words, if it cannot be reached.
pub(crate) async fn absence(address: &Address, tls: &TlsOptions) -> Option<String> {
    let error = dialer(address, tls).ok()?.dial().await.err()?;
    Some(error.explain(address).0)
}
