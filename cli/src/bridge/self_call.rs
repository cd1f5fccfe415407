//! Finds out whether a bridge would pass calls on to itself, under whichever name: each of them
//! would go round until a limit ends it.

use std::net::SocketAddr;

use tokio::net::{UdpSocket, lookup_host};

use super::address::{From, To};
use crate::{
    address::{Address, HostPort},
    failure::Failure,
    listen_address::ListenAddress,
};

/// Refuses to listen where calls are passed on to. Names that cannot be looked up are nowhere: those
/// who connect to them or listen there report it.
pub(crate) async fn refuse(listen: &[From], to: &[To]) -> Result<(), Failure> {
    for from in listen {
        for to in to {
            if from.is(to) {
                let what = format!("{from} is both listened to and passed on to: it would call itself");
                return Err(Failure::usage(what));
            }
            if let (Some(ours), Some(theirs)) = (ours(from), theirs(to))
                && ours.port() == theirs.port()
                && is_same_place(ours, theirs).await
            {
                let what = format!("{to} is where it listens itself, at {from}: it would call itself");
                return Err(Failure::usage(what));
            }
        }
    }
    Ok(())
}

const fn ours(from: &From) -> Option<&HostPort> {
    match from {
        From::Callers(ListenAddress::Tcp(place) | ListenAddress::Tls(place)) => Some(place),
        From::Callers(ListenAddress::Unix(_)) | From::Nats(_) => None,
    }
}

const fn theirs(to: &To) -> Option<&HostPort> {
    match to {
        To::Service(Address::Tcp(place) | Address::Tls(place)) | To::Dns { place, .. } => Some(place),
        To::Service(Address::Unix(_)) | To::Nats(_) => None,
    }
}

async fn is_same_place(ours: &HostPort, theirs: &HostPort) -> bool {
    let (ours, theirs) = (addresses(ours).await, addresses(theirs).await);
    for theirs in theirs {
        for ours in &ours {
            let is_same = match ours.ip().is_unspecified() {
                true => is_of_this_machine(theirs).await,
                false => ours.ip() == theirs.ip(),
            };
            if is_same {
                return true;
            }
        }
    }
    false
}

async fn addresses(place: &HostPort) -> Vec<SocketAddr> {
    let found = lookup_host(place.to_string()).await;
    found.map_or_else(|_| Vec::new(), Iterator::collect)
}

/// Returns true if a socket can be bound to the address, which sends nothing.
async fn is_of_this_machine(address: SocketAddr) -> bool {
    UdpSocket::bind((address.ip(), 0)).await.is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn refused(from: &str, to: &str) -> Option<String> {
        let (from, to) = (from.parse().expect("an address"), to.parse().expect("an address"));
        let failure = refuse(&[from], &[to]).await.err()?;
        failure.message().map(ToOwned::to_owned)
    }

    #[tokio::test]
    async fn a_bridge_is_not_passed_on_to_itself_under_another_name() {
        for (from, to) in [
            (":8888", "127.0.0.1:8888"),
            (":8888", "localhost:8888"),
            ("0.0.0.0:8888", "127.0.0.2:8888"),
            ("8888", "127.0.0.1:8888"),
            ("127.0.0.1:8888", "localhost:8888"),
            ("tls://8888", "127.0.0.1:8888"),
            ("8888", "dns:localhost:8888"),
        ] {
            let message = refused(from, to).await.unwrap_or_else(|| panic!("{from} {to}"));
            assert!(message.contains("it would call itself"), "{message}");
        }
    }

    #[tokio::test]
    async fn other_places_are_passed_on_to() {
        for (from, to) in [
            ("8889", "localhost:8888"),
            ("127.0.0.1:8888", "127.0.0.2:8888"),
            // Of a documentation network, which no machine has.
            (":8888", "192.0.2.1:8888"),
            ("8888", "nothing-has-this-name.invalid:8888"),
            ("0", "127.0.0.1:8888"),
            ("unix:/tmp/a.sock", "unix:/tmp/b.sock"),
        ] {
            assert_eq!(refused(from, to).await, None, "{from} {to}");
        }
    }
}
