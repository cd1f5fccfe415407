//! Where to listen: `PORT`, `:PORT`, `HOST:PORT`, `tls://` before any of them, or `unix:PATH`.

use std::{fmt, path::PathBuf, str::FromStr};

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
            (Self::Tcp(ours), Address::Tcp(theirs)) | (Self::Tls(ours), Address::Tls(theirs)) => ours == theirs,
            (Self::Unix(ours), Address::Unix(theirs)) => ours == theirs,
            _ => false,
        }
    }
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
