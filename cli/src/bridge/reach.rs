//! Tries each service once when a bridge starts, so that a wrong address is seen at once.

use futures_util::future::join_all;
use tokio::net::lookup_host;

use super::address::To;
use crate::{
    address::{Address, HostPort},
    failure::{Failure, Status, warn, with_causes},
    relay::connect::dialer,
    tls::TlsOptions,
};

/// Connects to each service. Those that cannot be reached are named.
///
/// # Errors
/// If `is_strict` and none can be reached.
pub(super) async fn each(to: &[To], tls: &TlsOptions, is_strict: bool) -> Result<(), Failure> {
    let (addresses, mut absent) = addresses(to).await;
    let mut attempts = Vec::new();
    for address in addresses {
        let dialer = dialer(&address, tls)?;
        attempts.push(async move { (dialer.dial().await.err(), address) });
    }
    let outcomes = join_all(attempts).await;
    let is_any_there = outcomes.iter().any(|(error, _)| error.is_none());
    for (error, address) in outcomes {
        absent.extend(error.map(|error| error.explain(&address).0));
    }
    if is_strict && !is_any_there && !absent.is_empty() {
        return Err(Failure::new(Status::NoConnection, absent.join("; ")));
    }
    for absent in absent {
        warn(format_args!("{absent}; it gets calls once it is there"));
    }
    Ok(())
}

/// Returns the addresses of services, with those of a name, and what could not be looked up.
async fn addresses(to: &[To]) -> (Vec<Address>, Vec<String>) {
    let (mut addresses, mut absent) = (Vec::new(), Vec::new());
    for to in to {
        match to {
            To::Service(address) => addresses.push(address.clone()),
            // Whether they can be connected to: TLS is spoken by name, once there are callers.
            To::Dns { place, .. } => match of_name(place).await {
                Ok(found) => addresses.extend(found),
                Err(error) => absent.push(format!("cannot look up {}: {error}", place.host())),
            },
            To::Nats(_) => {}
        }
    }
    (addresses, absent)
}

/// Looks a name up. A name with one address gets a warning: the cluster IP of a Kubernetes Service
/// hides its pods.
async fn of_name(name: &HostPort) -> Result<Vec<Address>, String> {
    let found = lookup_host(name.to_string()).await;
    let found: Vec<_> = found.map_err(|error| with_causes(&error))?.collect();
    if let [only] = &found[..] {
        let (host, ip) = (name.host(), only.ip());
        warn(format_args!(
            "{host} has one address, {ip}: if it is a Kubernetes Service, name a headless one, whose addresses are its pods"
        ));
    }
    let place = |text: String| text.parse().map(Address::Tcp).map_err(|error| format!("{error}"));
    found.iter().map(|address| place(address.to_string())).collect()
}
