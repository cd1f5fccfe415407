//! Listens at an address as it was typed.

use nest_wire::server::HostListener;

use crate::{
    address::HostPort,
    failure::{Failure, say},
};

/// Listens on all addresses of the host. Returns the listener.
pub(crate) async fn listen(place: &HostPort) -> Result<HostListener, Failure> {
    match HostListener::bind(place.to_string()).await {
        // A machine without IPv6 has no `[::]`, which stands for all interfaces of both families.
        Err(_) if place.host() == "::" => HostListener::bind(("0.0.0.0", place.port())).await,
        bound => bound,
    }
    .map_err(|error| Failure::cannot_listen(place, &error))
}

/// Says where callers can connect: scripts wait for these lines.
pub(crate) fn announce(addresses: &[String]) {
    for address in addresses {
        say(format_args!("listening {address}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_address_that_is_taken_is_said_to_be() {
        let taken = listen(&HostPort::new("127.0.0.1", 0)).await.expect("a free port");
        let port = taken.local_addrs().expect("bound")[0].port();
        let failure = listen(&HostPort::new("127.0.0.1", port))
            .await
            .expect_err("it is taken");
        let message = format!("cannot listen on 127.0.0.1:{port}: it is taken");
        assert_eq!(failure.message(), Some(message.as_str()));
    }

    #[tokio::test]
    async fn all_interfaces_are_those_of_ipv4_at_least() {
        let listener = listen(&HostPort::new("[::]", 0)).await.expect("a free port");
        let port = listener.local_addrs().expect("bound")[0].port();
        let connected = tokio::net::TcpStream::connect(("127.0.0.1", port)).await;
        connected.expect("it listens");
    }
}
