//! The addresses of a bridge: those of the other commands, `nats://HOST:PORT` and `dns:HOST:PORT`.

use std::{fmt, str::FromStr};

use crate::{
    address::{Address, AddressError, HostPort},
    listen_address::ListenAddress,
};

/// Where a bridge passes calls on to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum To {
    Service(Address),
    /// `dns:HOST:PORT`, `dns:tls://HOST:PORT`: all addresses of a name, as they come and go.
    Dns {
        place: HostPort,
        is_tls: bool,
    },
    /// `nats://HOST:PORT`
    Nats(String),
}

/// Where callers of a bridge are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum From {
    Callers(ListenAddress),
    /// `nats://HOST:PORT`
    Nats(String),
}

impl From {
    /// Returns true if what is passed on to `to` would come back to this listener.
    pub(crate) fn is(&self, to: &To) -> bool {
        match (self, to) {
            (Self::Callers(ours), To::Service(theirs)) => ours.is(theirs),
            (Self::Nats(ours), To::Nats(theirs)) => ours == theirs,
            _ => false,
        }
    }
}

impl FromStr for To {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        if let Some(server) = text.strip_prefix("nats://") {
            return server.parse::<Address>().map(|_| Self::Nats(text.to_owned()));
        }
        match text.strip_prefix("dns:") {
            Some(name) => {
                let plain = name.strip_prefix("tls://");
                match plain.unwrap_or(name).parse::<HostPort>()? {
                    place if place.port() == 0 => Err(AddressError::Port("0".to_owned())),
                    place => Ok(Self::Dns {
                        place,
                        is_tls: plain.is_some(),
                    }),
                }
            }
            None => text.parse().map(Self::Service),
        }
    }
}

impl FromStr for From {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        match text.strip_prefix("nats://") {
            Some(server) => server.parse::<Address>().map(|_| Self::Nats(text.to_owned())),
            None => text.parse().map(Self::Callers),
        }
    }
}

impl fmt::Display for To {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Service(address) => address.fmt(f),
            Self::Dns { place, is_tls: false } => write!(f, "dns:{place}"),
            Self::Dns { place, is_tls: true } => write!(f, "dns:tls://{place}"),
            Self::Nats(server) => server.fmt(f),
        }
    }
}

impl fmt::Display for From {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Callers(address) => address.fmt(f),
            Self::Nats(server) => server.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nats_is_an_address_too() {
        let to = |text: &str| text.parse::<To>();
        assert_eq!(
            to("nats://localhost:4222"),
            Ok(To::Nats("nats://localhost:4222".to_owned()))
        );
        assert!(matches!(to("localhost:8888"), Ok(To::Service(Address::Tcp(_)))));
        assert_eq!(to("nats://localhost"), Err(AddressError::NoPort));
        assert!(to("kafka://localhost:1").is_err());
    }

    #[test]
    fn all_addresses_of_a_name_are_an_address_too() {
        let to = |text: &str| text.parse::<To>();
        let dns = |is_tls| To::Dns {
            place: HostPort::new("users", 8888),
            is_tls,
        };
        assert_eq!(to("dns:users:8888"), Ok(dns(false)));
        assert_eq!(to("dns:tls://users:8888"), Ok(dns(true)));
        assert_eq!(dns(true).to_string(), "dns:tls://users:8888");
        assert_eq!(to("dns:users"), Err(AddressError::NoPort));
        assert_eq!(to("dns:users:0"), Err(AddressError::Port("0".to_owned())));
        assert_eq!(to("dns:users:8888").expect("a name").to_string(), "dns:users:8888");
    }

    #[test]
    fn a_loop_is_seen() {
        let is = |from: &str, to: &str| from.parse::<From>().expect("from").is(&to.parse().expect("to"));
        assert!(is("8888", "localhost:8888"));
        assert!(is("nats://a:1", "nats://a:1"));
        assert!(!is("8888", "nats://localhost:8888"));
        assert!(!is("8889", "localhost:8888"));
    }
}
