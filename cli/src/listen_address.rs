//! Where to listen: `PORT`, `:PORT`, `HOST:PORT`, `tls://` before any of them, or `unix:PATH`.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    path::PathBuf,
    str::FromStr,
};

use crate::address::{Address, AddressError, HostPort, unix_path, without_scheme};

/// An address to listen at. Port 0 picks a free one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ListenAddress {
    Tcp(HostPort),
    Tls(HostPort),
    Unix(PathBuf),
}

impl ListenAddress {
    /// Returns true if a caller of `address` would reach this listener.
    pub(crate) fn is(&self, address: &Address) -> bool {
        match (self, address) {
            (Self::Tcp(ours) | Self::Tls(ours), Address::Tcp(theirs) | Address::Tls(theirs)) => {
                ours.port() == theirs.port() && reaches(theirs.host(), ours.host())
            }
            (Self::Unix(ours), Address::Unix(theirs)) => ours == theirs,
            _ => false,
        }
    }
}

/// Returns true if a connection to the host `to` may arrive at a listener of the host `at`.
fn reaches(to: &str, at: &str) -> bool {
    if to.eq_ignore_ascii_case(at) {
        return true;
    }
    match (to.parse::<IpAddr>(), at.parse::<IpAddr>()) {
        (Ok(to), Ok(at)) if at.is_unspecified() => to.is_loopback() || to.is_unspecified(),
        // To connect to the unspecified address is to connect to this machine.
        (Ok(to), Ok(at)) => is_local(&at) && to.is_unspecified() && to.is_ipv4() == at.is_ipv4(),
        (Ok(other), Err(_)) => is_localhost(at) && is_local(&other),
        (Err(_), Ok(other)) => is_localhost(to) && is_local(&other),
        _ => false,
    }
}

fn is_localhost(name: &str) -> bool {
    name.eq_ignore_ascii_case("localhost")
}

/// Returns true for the addresses that `localhost` may be.
fn is_local(address: &IpAddr) -> bool {
    let localhost = [IpAddr::from(Ipv4Addr::LOCALHOST), Ipv6Addr::LOCALHOST.into()];
    address.is_unspecified() || localhost.contains(address)
}

impl FromStr for ListenAddress {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        if let Some(path) = unix_path(text)? {
            return Ok(Self::Unix(path));
        }
        let (is_tls, text) = without_scheme(text)?;
        let place = match text.strip_prefix(':') {
            // All interfaces of both families, where the system lets one socket take both.
            Some(port) if !port.contains(':') => HostPort::new("[::]", port_of(port)?),
            None if !text.contains(':') => HostPort::new("localhost", port_of(text)?),
            _ => text.parse()?,
        };
        Ok(match is_tls {
            true => Self::Tls(place),
            false => Self::Tcp(place),
        })
    }
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(place) => place.fmt(f),
            Self::Tls(place) => write!(f, "tls://{place}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

fn port_of(text: &str) -> Result<u16, AddressError> {
    text.parse().map_err(|_| AddressError::Port(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_alone_is_that_of_this_machine() {
        for (text, shown) in [
            ("8888", "localhost:8888"),
            ("0", "localhost:0"),
            (":8888", "[::]:8888"),
            ("127.0.0.1:0", "127.0.0.1:0"),
            ("[::1]:8888", "[::1]:8888"),
            ("tls://8888", "tls://localhost:8888"),
            ("tls://:8888", "tls://[::]:8888"),
            ("unix:/run/users.sock", "unix:/run/users.sock"),
        ] {
            let address = text.parse::<ListenAddress>();
            assert_eq!(
                address.map(|address| address.to_string()).as_deref(),
                Ok(shown),
                "{text}"
            );
        }
    }

    #[test]
    fn an_address_that_leads_back_is_known_in_each_spelling() {
        let is = |listen: &str, to: &str| {
            let to = to.parse::<Address>().expect("an address");
            listen.parse::<ListenAddress>().expect("an address").is(&to)
        };
        let here = [
            "localhost:7",
            "127.0.0.1:7",
            "[::1]:7",
            "0.0.0.0:7",
            "[::]:7",
            "LOCALHOST:7",
        ];
        for to in here {
            for listen in ["7", ":7", "localhost:7", "0.0.0.0:7", "tls://7"] {
                assert!(is(listen, to), "{listen} {to}");
            }
            assert!(!is("8", to) && !is("db:7", to), "{to}");
            assert!(!is(":7", &to.replace(":7", ":8")), "{to}");
        }
        for (listen, to, expected) in [
            ("127.0.0.1:7", "localhost:7", true),
            ("[::1]:7", "localhost:7", true),
            ("127.0.0.1:7", "0.0.0.0:7", true),
            ("127.0.0.1:7", "tls://127.0.0.1:7", true),
            // A service may have the other address of this machine.
            ("127.0.0.1:7", "[::1]:7", false),
            ("127.0.0.1:7", "127.0.0.2:7", false),
            ("7", "127.0.0.2:7", false),
            (":7", "127.0.0.2:7", true),
            ("db:7", "DB:7", true),
            (":7", "db:7", false),
            ("unix:a", "unix:a", true),
            ("unix:a", "unix:b", false),
        ] {
            assert_eq!(is(listen, to), expected, "{listen} {to}");
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        let port = |text: &str| AddressError::Port(text.to_owned());
        for (text, error) in [
            ("", port("")),
            ("localhost", port("localhost")),
            ("localhost:", port("")),
            (":http", port("http")),
            ("65536", port("65536")),
            ("::1:8888", AddressError::Brackets),
            ("unix:", AddressError::NoPath),
            ("http://8888", AddressError::Http("http".to_owned())),
        ] {
            assert_eq!(text.parse::<ListenAddress>(), Err(error), "{text}");
        }
    }
}
