//! The address of a service: `HOST:PORT`. Only its shape is checked; names are resolved when
//! connecting.

use std::net::SocketAddrV6;

/// The error for a text that is not the address of a service. Its
/// [source](std::error::Error::source) is the reason.
///
/// ```
/// use std::error::Error;
/// use nest_wire::client::Client;
///
/// let error = Client::builder().build("math").unwrap_err();
/// assert_eq!(error.to_string(), r#""math" is not an address"#);
/// assert_eq!(error.source().unwrap().to_string(), "the port is missing: write HOST:PORT");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{address:?} is not an address")]
pub struct AddressError {
    address: String,
    #[source]
    fault: Fault,
}

impl AddressError {
    /// Returns the text that is not an address.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Panics with the text and the reason.
    pub(in crate::client) fn panic(&self) -> ! {
        panic!("{self}: {}", self.fault)
    }
}

/// Why a text is not an address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
enum Fault {
    #[error("the port is missing: write HOST:PORT")]
    NoPort,
    #[error("the host is missing: write HOST:PORT")]
    NoHost,
    #[error("{0:?} is not a port, a number from 1 to 65535")]
    Port(String),
    #[error("an IPv6 address stands in brackets: [::1]:8888")]
    Brackets,
}

/// Returns the text if it is an address.
pub(in crate::client) fn checked(address: String) -> Result<String, AddressError> {
    match check(&address) {
        Ok(()) => Ok(address),
        Err(fault) => Err(AddressError { address, fault }),
    }
}

fn check(text: &str) -> Result<(), Fault> {
    let (host, port) = text.rsplit_once(':').ok_or(Fault::NoPort)?;
    match host {
        "" => return Err(Fault::NoHost),
        _ if host.starts_with('[') && text.ends_with(']') => return Err(Fault::NoPort),
        _ if host.contains([':', '[', ']']) && format!("{host}:0").parse::<SocketAddrV6>().is_err() => {
            return Err(Fault::Brackets);
        }
        _ => {}
    }
    match port.parse::<u16>() {
        Ok(1..) => Ok(()),
        _ => Err(Fault::Port(port.to_owned())),
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
            assert_eq!(checked(text.to_owned()), Ok(text.to_owned()));
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        let port = |text: &str| Fault::Port(text.to_owned());
        for (text, fault) in [
            ("localhost", Fault::NoPort),
            ("[::1]", Fault::NoPort),
            (":8888", Fault::NoHost),
            ("localhost:", port("")),
            ("localhost:http", port("http")),
            ("localhost:0", port("0")),
            ("localhost:65536", port("65536")),
            ("::1:8888", Fault::Brackets),
            ("[localhost]:8888", Fault::Brackets),
        ] {
            assert_eq!(check(text), Err(fault), "{text}");
        }
    }
}
