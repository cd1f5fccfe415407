//! Where a service is: `HOST:PORT`, `tls://HOST:PORT` or `unix:PATH`.

use std::{fmt, net::SocketAddrV6, path::PathBuf, str::FromStr};

/// The address of a service to call. Only its shape is checked; names are looked up when
/// connecting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Address {
    Tcp(HostPort),
    Tls(HostPort),
    Unix(PathBuf),
}

impl Address {
    pub(crate) const fn is_tls(&self) -> bool {
        matches!(self, Self::Tls(_))
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        if let Some(path) = unix_path(text)? {
            return Ok(Self::Unix(path));
        }
        let (is_tls, text) = without_scheme(text)?;
        let place: HostPort = text.parse()?;
        match (place.port, is_tls) {
            (0, _) => Err(AddressError::Port("0".to_owned())),
            (_, true) => Ok(Self::Tls(place)),
            (_, false) => Ok(Self::Tcp(place)),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(place) => place.fmt(f),
            Self::Tls(place) => write!(f, "tls://{place}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// A host name or an IP address, and a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HostPort {
    /// As it was written: an IPv6 address stands in brackets.
    host: String,
    port: u16,
}

impl HostPort {
    pub(super) fn new(host: &str, port: u16) -> Self {
        let host = host.to_owned();
        Self { host, port }
    }

    pub(crate) const fn port(&self) -> u16 {
        self.port
    }

    /// Returns the host without the brackets of an IPv6 address: the name that a certificate is
    /// for.
    pub(crate) fn host(&self) -> &str {
        let host = self.host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        host.unwrap_or(&self.host)
    }
}

impl FromStr for HostPort {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let (host, port) = text.rsplit_once(':').ok_or(AddressError::NoPort)?;
        match host {
            "" => return Err(AddressError::NoHost),
            _ if host.starts_with('[') && text.ends_with(']') => return Err(AddressError::NoPort),
            _ if host.contains([':', '[', ']']) && format!("{host}:0").parse::<SocketAddrV6>().is_err() => {
                return Err(AddressError::Brackets);
            }
            _ => {}
        }
        let port = port.parse().map_err(|_| AddressError::Port(port.to_owned()))?;
        Ok(Self::new(host, port))
    }
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

/// Why a text is no address.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum AddressError {
    #[error("the port is missing: write HOST:PORT")]
    NoPort,
    #[error("the host is missing: write HOST:PORT")]
    NoHost,
    #[error("{0:?} is not a port, a number from 1 to 65535")]
    Port(String),
    #[error("an IPv6 address stands in brackets: [::1]:8888")]
    Brackets,
    #[error("the path is missing: write unix:PATH")]
    NoPath,
    #[error("TCP needs no scheme: write {0}")]
    NeedlessScheme(String),
    #[error(
        "{0}:// is for browsers and the port of app.listen(); a microservice has a port of its own: write HOST:PORT"
    )]
    Http(String),
    #[error("{0}:// is another transport than Nest's TCP: write HOST:PORT, tls://HOST:PORT or unix:PATH")]
    OtherScheme(String),
}

/// Returns the path of `unix:PATH`, or `None` for any other address.
pub(super) fn unix_path(text: &str) -> Result<Option<PathBuf>, AddressError> {
    match text.strip_prefix("unix:") {
        Some("" | "//") => Err(AddressError::NoPath),
        Some(path) => Ok(Some(path.into())),
        None => Ok(None),
    }
}

/// Returns what follows `tls://`, with true, or the whole text, with false.
pub(super) fn without_scheme(text: &str) -> Result<(bool, &str), AddressError> {
    match text.split_once("://") {
        None => Ok((false, text)),
        Some(("tls", rest)) => Ok((true, rest)),
        Some(("tcp", rest)) => Err(AddressError::NeedlessScheme(rest.to_owned())),
        Some((scheme @ ("http" | "https" | "ws" | "wss"), _)) => Err(AddressError::Http(scheme.to_owned())),
        Some((scheme, _)) => Err(AddressError::OtherScheme(scheme.to_owned())),
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
            "tls://[::1]:8888",
            "unix:/run/users.sock",
            "unix:users.sock",
        ] {
            let address = text.parse::<Address>();
            assert_eq!(address.map(|address| address.to_string()), Ok(text.to_owned()));
        }
    }

    #[test]
    fn the_name_of_an_ipv6_host_has_no_brackets() {
        let host = |text: &str| text.parse::<HostPort>().map(|place| place.host().to_owned());
        assert_eq!(host("[::1]:8888"), Ok("::1".to_owned()));
        assert_eq!(host("localhost:8888"), Ok("localhost".to_owned()));
    }

    #[test]
    fn what_is_wrong_is_said() {
        let port = |text: &str| AddressError::Port(text.to_owned());
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
            ("unix://", AddressError::NoPath),
            ("tcp://db:1", AddressError::NeedlessScheme("db:1".to_owned())),
            ("http://localhost:3000", AddressError::Http("http".to_owned())),
            ("nats://localhost:4222", AddressError::OtherScheme("nats".to_owned())),
        ] {
            assert_eq!(text.parse::<Address>(), Err(error), "{text}");
        }
    }
}
