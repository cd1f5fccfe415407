//! The address of a service: `HOST:PORT`, `tls://HOST:PORT` or `unix:PATH`.

use std::{fmt, net::SocketAddrV6, path::PathBuf, str::FromStr};

/// An address whose shape alone is checked; names are looked up when connecting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Address {
    /// A host name or address with a port.
    Tcp(String),
    /// The same, with TLS spoken there.
    Tls(String),
    /// The path of a Unix socket.
    Unix(PathBuf),
}

/// Why a text is no address.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum AddressError {
    #[error("the port is missing: write HOST:PORT")]
    NoPort,
    #[error("the host is missing: write HOST:PORT")]
    NoHost,
    #[error("the path is missing: write unix:PATH")]
    NoPath,
    #[error("{0:?} is not a port, a number from {least} to 65535", least = .1)]
    Port(String, u16),
    #[error("an IPv6 address stands in brackets: [::1]:8888")]
    Brackets,
    #[error("{0:?} is not spoken here: write HOST:PORT, tls://HOST:PORT or unix:PATH")]
    Scheme(String),
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        match scheme(text)? {
            Scheme::Unix(path) => Ok(Self::Unix(path)),
            Scheme::Tcp(address) => checked(address, 1).map(Self::Tcp),
            Scheme::Tls(address) => checked(address, 1).map(Self::Tls),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => f.write_str(address),
            Self::Tls(address) => write!(f, "tls://{address}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// An address by what stands before it.
pub(crate) enum Scheme<'t> {
    Tcp(&'t str),
    Tls(&'t str),
    Unix(PathBuf),
}

/// Splits an address by its scheme.
pub(crate) fn scheme(text: &str) -> Result<Scheme<'_>, AddressError> {
    if let Some(path) = text.strip_prefix("unix:") {
        let path = path.strip_prefix("//").unwrap_or(path);
        return match path {
            "" => Err(AddressError::NoPath),
            _ => Ok(Scheme::Unix(path.into())),
        };
    }
    match text.split_once("://") {
        None => Ok(Scheme::Tcp(text)),
        Some(("tcp", address)) => Ok(Scheme::Tcp(address)),
        Some(("tls", address)) => Ok(Scheme::Tls(address)),
        Some((other, _)) => Err(AddressError::Scheme(format!("{other}://"))),
    }
}

/// Returns the text if it is a host and a port from `least` on.
pub(crate) fn checked(text: &str, least: u16) -> Result<String, AddressError> {
    let (host, port) = text.rsplit_once(':').ok_or(AddressError::NoPort)?;
    match host {
        "" => return Err(AddressError::NoHost),
        _ if host.starts_with('[') && text.ends_with(']') => return Err(AddressError::NoPort),
        _ if host.contains([':', '[', ']']) && format!("{host}:0").parse::<SocketAddrV6>().is_err() => {
            return Err(AddressError::Brackets);
        }
        _ => {}
    }
    port_of(port, least)?;
    Ok(text.to_owned())
}

/// Returns the port that a text names, if it is `least` or more.
pub(crate) fn port_of(text: &str, least: u16) -> Result<u16, AddressError> {
    match text.parse::<u16>() {
        Ok(port) if port >= least => Ok(port),
        _ => Err(AddressError::Port(text.to_owned(), least)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_addresses_of_both_families_are_taken() {
        for text in [
            "localhost:8888",
            "127.0.0.1:1",
            "[::1]:65535",
            "[fe80::1%2]:80",
            "求和.example:80",
            "tls://localhost:8888",
            "tls://[::1]:1",
            "unix:/run/users.sock",
            "unix:users.sock",
        ] {
            let address = text.parse::<Address>();
            assert_eq!(address.map(|address| address.to_string()), Ok(text.to_owned()));
        }
        let address = "tcp://localhost:8888".parse::<Address>();
        assert_eq!(address, Ok(Address::Tcp("localhost:8888".to_owned())));
    }

    #[test]
    fn what_is_wrong_is_said() {
        let port = |text: &str| AddressError::Port(text.to_owned(), 1);
        let scheme = |text: &str| AddressError::Scheme(text.to_owned());
        for (text, error) in [
            ("localhost", AddressError::NoPort),
            ("[::1]", AddressError::NoPort),
            (":8888", AddressError::NoHost),
            ("localhost:", port("")),
            ("localhost:http", port("http")),
            ("localhost:0", port("0")),
            ("localhost:65536", port("65536")),
            ("::1:8888", AddressError::Brackets),
            ("[localhost]:8888", AddressError::Brackets),
            ("tls://localhost", AddressError::NoPort),
            ("unix:", AddressError::NoPath),
            ("http://localhost:3000", scheme("http://")),
            ("nats://localhost:4222", scheme("nats://")),
        ] {
            assert_eq!(text.parse::<Address>(), Err(error), "{text}");
        }
    }
}
