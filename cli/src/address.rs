//! Where a service is: `HOST:PORT`.

use std::{fmt, net::SocketAddrV6, str::FromStr};

/// A host name or address with a port, checked for its shape alone; names are looked up when connecting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Address(String);

impl Address {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
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
}

impl FromStr for Address {
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
        match port.parse::<u16>() {
            Ok(1..) => Ok(Self(text.to_owned())),
            _ => Err(AddressError::Port(port.to_owned())),
        }
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
        ] {
            assert_eq!(
                text.parse::<Address>().map(|address| address.to_string()),
                Ok(text.to_owned())
            );
        }
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
        ] {
            assert_eq!(text.parse::<Address>(), Err(error), "{text}");
        }
    }
}
