//! Where a command listens: `PORT`, `:PORT`, `HOST:PORT`, `tls://…` or `unix:PATH`.

use std::{fmt, path::PathBuf, str::FromStr};

use crate::address::{Address, AddressError, Scheme, checked, port_of, scheme};

/// An address to listen on. A port alone stands for `localhost`, `:PORT` for all interfaces; port 0
/// picks a free one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Listen {
    Tcp(String),
    Tls(String),
    Unix(PathBuf),
}

impl Listen {
    /// Returns true if a caller of `address` would reach this listener.
    pub(crate) fn is(&self, address: &Address) -> bool {
        match (self, address) {
            (Self::Tcp(ours), Address::Tcp(theirs)) | (Self::Tls(ours), Address::Tls(theirs)) => ours == theirs,
            (Self::Unix(ours), Address::Unix(theirs)) => ours == theirs,
            _ => false,
        }
    }
}

impl FromStr for Listen {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        match scheme(text)? {
            Scheme::Unix(path) => Ok(Self::Unix(path)),
            Scheme::Tcp(address) => with_host(address).map(Self::Tcp),
            Scheme::Tls(address) => with_host(address).map(Self::Tls),
        }
    }
}

fn with_host(text: &str) -> Result<String, AddressError> {
    match text.strip_prefix(':') {
        Some(port) => port_of(port, 0).map(|port| format!("[::]:{port}")),
        None if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) => {
            port_of(text, 0).map(|port| format!("localhost:{port}"))
        }
        None => checked(text, 0),
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => f.write_str(address),
            Self::Tls(address) => write!(f, "tls://{address}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_alone_is_localhost_and_a_colon_before_it_is_all_interfaces() {
        for (text, address) in [
            ("8889", "localhost:8889"),
            ("0", "localhost:0"),
            (":8889", "[::]:8889"),
            ("127.0.0.1:0", "127.0.0.1:0"),
            ("tls://8889", "tls://localhost:8889"),
            ("unix:/run/a.sock", "unix:/run/a.sock"),
        ] {
            let listen = text.parse::<Listen>().map(|listen| listen.to_string());
            assert_eq!(listen, Ok(address.to_owned()));
        }
        assert_eq!(
            "70000".parse::<Listen>(),
            Err(AddressError::Port("70000".to_owned(), 0))
        );
        assert_eq!("localhost".parse::<Listen>(), Err(AddressError::NoPort));
    }
}
