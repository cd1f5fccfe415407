//! Why there is no connection, in words.

use std::{fmt::Write as _, io, net::IpAddr, time::Duration};

use nest_wire::tls::{
    HandshakeError,
    rustls::{CertificateError, Error as RustlsError},
};

use crate::{
    address::{Address, HostPort},
    duration,
    failure::{Failure, Status, with_causes},
};

/// Why an attempt to connect failed.
#[derive(Debug, thiserror::Error)]
#[error("{}", self.reason())]
pub(crate) enum DialError {
    /// The name has no address, or the name server does not answer.
    Name(io::Error),
    /// Each of the addresses of the name, and why it cannot be reached.
    Unreachable(Vec<(IpAddr, io::Error)>),
    Socket(io::Error),
    /// No address has accepted in time.
    Late(Duration),
    /// The service has accepted, and not answered with TLS in time.
    LateTls,
    Tls(io::Error),
}

const NO_TLS: &str = "it does not answer with TLS";
const WHAT_TO_TRUST: &str = "--ca FILE names the authority, --pin FILE the service's own certificate";
const IS_IT_RUNNING: &str = "is the service running? Nest listens on localhost:3000 unless told otherwise";

impl DialError {
    /// Returns the failure of a command whose service, at this address, cannot be connected to.
    pub(crate) fn failure(&self, address: &Address) -> Failure {
        let (what, hint) = self.explain(address);
        let failure = Failure::new(Status::NoConnection, what);
        match hint {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    }

    /// Returns why there is no connection, in the fewest words.
    pub(crate) fn reason(&self) -> String {
        match self {
            Self::Name(error) => name_reason(error),
            Self::Unreachable(attempts) => reasons(attempts),
            Self::Socket(error) => socket_reason(error).0,
            Self::Late(limit) => format!("no answer within {}", duration::shown(*limit)),
            Self::LateTls => NO_TLS.to_owned(),
            Self::Tls(error) => with_causes(error),
        }
    }

    /// Returns what went wrong with this address, and the likely remedy if there is one.
    pub(crate) fn explain(&self, address: &Address) -> (String, Option<String>) {
        let hint = match self {
            Self::Tls(_) | Self::LateTls => return self.explain_tls(address),
            Self::Unreachable(attempts) => {
                let is_refused = |(_, error): &(IpAddr, io::Error)| error.kind() == io::ErrorKind::ConnectionRefused;
                attempts.iter().any(is_refused).then_some(IS_IT_RUNNING)
            }
            Self::Socket(error) => socket_reason(error).1,
            Self::Name(_) | Self::Late(_) => None,
        };
        let what = format!("cannot connect to {address}: {}", self.reason());
        (what, hint.map(str::to_owned))
    }

    fn explain_tls(&self, address: &Address) -> (String, Option<String>) {
        let Address::Tls(place) = address else {
            return (format!("TLS with {address} failed"), None);
        };
        let (reason, hint) = match self {
            Self::Tls(error) => handshake_reason(error, place),
            _ => (NO_TLS.to_owned(), Some(plain(place))),
        };
        (format!("TLS with {place} failed: {reason}"), hint)
    }
}

fn plain(place: &HostPort) -> String {
    format!("if it speaks plain TCP, write {place}")
}

fn name_reason(error: &io::Error) -> String {
    let text = error.to_string();
    match text.contains("emporary failure") || text.contains("ry again") {
        true => "its name cannot be looked up: the name server does not answer".to_owned(),
        false => "no such host".to_owned(),
    }
}

/// Returns the reasons of all attempts: once where they are the same.
fn reasons(attempts: &[(IpAddr, io::Error)]) -> String {
    let reasons: Vec<String> = attempts.iter().map(|(_, error)| reason(error)).collect();
    let [first, rest @ ..] = reasons.as_slice() else {
        return "no such host".to_owned();
    };
    if rest.is_empty() {
        return first.clone();
    }
    let is_one = rest.iter().all(|reason| reason == first);
    let mut text = match is_one {
        true => format!("{first}, "),
        false => String::new(),
    };
    for (index, ((address, _), reason)) in attempts.iter().zip(&reasons).enumerate() {
        let separator = match (index, is_one) {
            (0, _) => "",
            (_, true) => " and ",
            (_, false) => ", ",
        };
        let _ = match is_one {
            true => write!(text, "{separator}at {address}"),
            false => write!(text, "{separator}{reason} at {address}"),
        };
    }
    text
}

/// Returns why one address cannot be reached.
pub(super) fn reason(error: &io::Error) -> String {
    match error.kind() {
        // A reason of ours, that of a connection of a socket to itself.
        _ if error.get_ref().is_some() => error.to_string(),
        io::ErrorKind::ConnectionRefused => "refused".to_owned(),
        io::ErrorKind::TimedOut => "no answer".to_owned(),
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => "unreachable".to_owned(),
        _ => error.to_string(),
    }
}

fn socket_reason(error: &io::Error) -> (String, Option<&'static str>) {
    match error.kind() {
        io::ErrorKind::NotFound => ("no such socket".to_owned(), None),
        io::ErrorKind::ConnectionRefused => {
            let hint = "the file of a service that has ended stays behind: is the service running?";
            ("nothing listens on it".to_owned(), Some(hint))
        }
        io::ErrorKind::PermissionDenied => ("permission denied".to_owned(), None),
        _ => (with_causes(error), None),
    }
}

/// Returns why a handshake failed, and the remedy.
fn handshake_reason(error: &io::Error, place: &HostPort) -> (String, Option<String>) {
    let Some(handshake) = error.get_ref().and_then(|error| error.downcast_ref::<HandshakeError>()) else {
        return (with_causes(error), None);
    };
    match handshake.rustls() {
        Some(RustlsError::InvalidCertificate(CertificateError::NotValidForNameContext { expected, presented }))
            if !presented.is_empty() =>
        {
            let names: Vec<&str> = presented.iter().map(|name| bare(name)).collect();
            let reason = format!(
                "its certificate is for {}, not for {}",
                names.join(" and "),
                expected.to_str()
            );
            (reason, Some(format!("--server-name {}", names[0])))
        }
        Some(RustlsError::InvalidCertificate(CertificateError::UnknownIssuer)) => {
            let reason = "no authority that is trusted has signed its certificate";
            (reason.to_owned(), Some(WHAT_TO_TRUST.to_owned()))
        }
        Some(RustlsError::InvalidMessage(_)) => (NO_TLS.to_owned(), Some(plain(place))),
        None if is_closed(error) => {
            let reason = "it closed the connection instead of answering";
            (reason.to_owned(), Some(plain(place)))
        }
        _ => {
            let reason = std::error::Error::source(handshake).map_or_else(|| handshake.to_string(), with_causes);
            // What follows is for programs that use the library: which type pins a certificate.
            match reason.split_once("; pin it") {
                Some((reason, _)) => (reason.to_owned(), Some(WHAT_TO_TRUST.to_owned())),
                None => (reason, None),
            }
        }
    }
}

fn is_closed(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    matches!(
        error.kind(),
        BrokenPipe | ConnectionAborted | ConnectionReset | UnexpectedEof
    )
}

/// Returns the name in `DnsName("example.org")` or `IpAddress(127.0.0.1)`, which is how rustls
/// shows those in a certificate.
fn bare(name: &str) -> &str {
    let inner = name.split_once('(').and_then(|(_, inner)| inner.strip_suffix(')'));
    inner.unwrap_or(name).trim_matches('"')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(kind: io::ErrorKind) -> io::Error {
        io::Error::from(kind)
    }

    fn attempts(kinds: &[(&str, io::ErrorKind)]) -> Vec<(IpAddr, io::Error)> {
        let attempt = |&(address, kind): &(&str, io::ErrorKind)| (address.parse().expect("an address"), of(kind));
        kinds.iter().map(attempt).collect()
    }

    #[test]
    fn a_reason_that_all_addresses_have_is_told_once() {
        use io::ErrorKind::{ConnectionRefused, NetworkUnreachable};
        for (kinds, expected) in [
            (&[("127.0.0.1", ConnectionRefused)][..], "refused"),
            (
                &[("::1", ConnectionRefused), ("127.0.0.1", ConnectionRefused)],
                "refused, at ::1 and at 127.0.0.1",
            ),
            (
                &[("::1", NetworkUnreachable), ("127.0.0.1", ConnectionRefused)],
                "unreachable at ::1, refused at 127.0.0.1",
            ),
        ] {
            assert_eq!(reasons(&attempts(kinds)), expected);
        }
    }

    #[test]
    fn each_reason_has_its_words_and_its_hint() {
        let address = |text: &str| text.parse::<Address>().expect("an address");
        let (plain, tls) = (address("db:8888"), address("tls://db:8888"));
        let refused = io::ErrorKind::ConnectionRefused;
        let itself = io::Error::new(
            refused,
            "nothing listens there: the system connected the socket to itself",
        );
        for (error, address, message) in [
            (
                DialError::Name(io::Error::other("Name or service not known")),
                &plain,
                "cannot connect to db:8888: no such host",
            ),
            (
                DialError::Late(Duration::from_secs(10)),
                &plain,
                "cannot connect to db:8888: no answer within 10 s",
            ),
            (
                DialError::Unreachable(vec![([127, 0, 0, 1].into(), itself)]),
                &plain,
                "cannot connect to db:8888: nothing listens there: the system connected the socket to itself",
            ),
            (
                DialError::Unreachable(attempts(&[("::1", refused)])),
                &tls,
                "cannot connect to tls://db:8888: refused",
            ),
            (
                DialError::LateTls,
                &tls,
                "TLS with db:8888 failed: it does not answer with TLS",
            ),
            (
                DialError::Tls(of(io::ErrorKind::ConnectionReset)),
                &tls,
                "TLS with db:8888 failed: connection reset",
            ),
        ] {
            let failure = error.failure(address);
            assert_eq!(
                (failure.message(), failure.status()),
                (Some(message), Status::NoConnection)
            );
        }
    }

    #[test]
    fn the_names_in_a_certificate_are_shown_bare() {
        assert_eq!(bare("DnsName(\"example.org\")"), "example.org");
        assert_eq!(bare("IpAddress(127.0.0.1)"), "127.0.0.1");
        assert_eq!(bare("example.org"), "example.org");
    }
}
