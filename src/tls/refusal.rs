//! Explains why a handshake was refused, and how to make a certificate that is accepted.

use std::{borrow::Cow, fmt, io, net::IpAddr};

use tokio_rustls::rustls::{AlertDescription, CertificateError, Error, OtherError, pki_types::UnixTime};

use crate::tls::{not_pinned::NotPinned, x509::date};

/// A refusal in words. The text of rustls is only the name of a variant, such as
/// `Other(OtherError(CaUsedAsEndEntity))`.
#[derive(Debug, thiserror::Error)]
struct Refusal {
    reason: Cow<'static, str>,
    remedy: Remedy,
    /// The host that the certificate has to name.
    host: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Remedy {
    None,
    MakeAnother,
    MakeAnotherOrPin,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)?;
        match self.remedy {
            Remedy::None => return Ok(()),
            Remedy::MakeAnother => f.write_str("; make another with: ")?,
            Remedy::MakeAnotherOrPin => {
                f.write_str("; pin it (`PinnedCertificates`) if it is the peer's own, or make another with: ")?;
            }
        }
        f.write_str(&openssl(&self.host))
    }
}

/// Returns the command that creates a self-signed certificate that is accepted as the `ca` of the
/// peer. The extensions are listed one by one, because `openssl req -x509` creates an authority
/// (`CA:TRUE`) by default.
fn openssl(host: &str) -> String {
    let kind = match host.parse::<IpAddr>() {
        Ok(_) => "IP",
        Err(_) => "DNS",
    };
    format!(
        "openssl req -x509 -newkey rsa:2048 -nodes -days 365 -keyout key.pem -out cert.pem -subj /CN={host} \
         -addext basicConstraints=critical,CA:FALSE -addext subjectAltName={kind}:{host}"
    )
}

/// Returns the error of a handshake with an explanation, if it is an error of rustls that has one,
/// and otherwise unchanged. `host` is the name that the refused certificate has to bear.
pub(crate) fn explained(error: io::Error, host: &str) -> io::Error {
    let Some(cause) = error.get_ref().and_then(|error| error.downcast_ref::<Error>()) else {
        return error;
    };
    let words = match cause {
        Error::InvalidCertificate(problem) => certificate(problem),
        Error::AlertReceived(alert) => self::alert(*alert).map(|reason| (reason.into(), Remedy::None)),
        _ => None,
    };
    let Some((reason, remedy)) = words else {
        return error;
    };
    let host = host.to_owned();
    io::Error::new(error.kind(), Refusal { reason, remedy, host })
}

fn certificate(problem: &CertificateError) -> Option<(Cow<'static, str>, Remedy)> {
    use Remedy::{MakeAnother, MakeAnotherOrPin, None as Nothing};
    Some(match problem {
        CertificateError::UnknownIssuer => (
            "the peer's certificate is signed by none of the authorities that are trusted".into(),
            MakeAnotherOrPin,
        ),
        CertificateError::ExpiredContext { time, not_after } => (
            format!(
                "the peer's certificate has expired: it ended on {}, and it is {}",
                day(*not_after),
                day(*time)
            )
            .into(),
            MakeAnother,
        ),
        CertificateError::Expired => ("the peer's certificate has expired".into(), MakeAnother),
        CertificateError::NotValidYetContext { time, not_before } => (
            format!(
                "the peer's certificate begins on {}, and it is {}: one of the two clocks is wrong",
                day(*not_before),
                day(*time)
            )
            .into(),
            Nothing,
        ),
        CertificateError::NotValidForNameContext { expected, presented } if presented.is_empty() => (
            format!(
                "the peer's certificate has no subjectAltName, so it is for no name and not for {:?}; its common name is \
                 not looked at",
                expected.to_str()
            )
            .into(),
            MakeAnotherOrPin,
        ),
        CertificateError::NotValidForNameContext { expected, presented } => (
            format!(
                "the peer's certificate is not for {:?} but for {}; `ClientTls::server_name` sets which name is expected",
                expected.to_str(),
                presented.join(", ")
            )
            .into(),
            MakeAnother,
        ),
        CertificateError::Other(OtherError(other)) => {
            if other.is::<NotPinned>() {
                return Some((other.to_string().into(), Nothing));
            }
            match other.downcast_ref::<webpki::Error>()? {
                webpki::Error::CaUsedAsEndEntity => (
                    "the peer's certificate is that of an authority (CA:TRUE), as `openssl req -x509` makes it by default"
                        .into(),
                    MakeAnotherOrPin,
                ),
                webpki::Error::UnsupportedCertVersion => (
                    "the peer's certificate is of X.509 version 1, which has no names".into(),
                    MakeAnotherOrPin,
                ),
                _ => return None,
            }
        }
        CertificateError::BadSignature => (
            "a signature of the peer is not by the key that is trusted for it: its certificate was perhaps made anew under \
             the same name, or it does not have the key of its certificate"
                .into(),
            Nothing,
        ),
        _ => return None,
    })
}

/// Returns the meaning of the peer's alert about our certificate. The alert's name stays in the
/// text, because the logs of other programs contain it.
fn alert(alert: AlertDescription) -> Option<&'static str> {
    Some(match alert {
        AlertDescription::CertificateRequired => {
            "the peer requires a certificate, and was shown none (alert CertificateRequired)"
        }
        AlertDescription::UnknownCA => "the peer trusts no authority that has signed our certificate (alert UnknownCA)",
        AlertDescription::BadCertificate => "the peer refuses our certificate (alert BadCertificate)",
        AlertDescription::UnsupportedCertificate => {
            "the peer does not take this kind of certificate from us (alert UnsupportedCertificate)"
        }
        AlertDescription::CertificateExpired => "our certificate has expired (alert CertificateExpired)",
        AlertDescription::CertificateUnknown => "the peer does not accept our certificate (alert CertificateUnknown)",
        _ => return None,
    })
}

fn day(time: UnixTime) -> String {
    let (year, month, day) = date(time);
    format!("{year}-{month:02}-{day:02}")
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, time::Duration};

    use super::*;

    #[test]
    fn a_name_of_dns_and_an_address_have_a_line_of_their_own() {
        assert!(openssl("orders.internal").ends_with("subjectAltName=DNS:orders.internal"));
        assert!(openssl("::1").ends_with("subjectAltName=IP:::1"));
    }

    #[test]
    fn what_has_no_words_stays_as_it_is() {
        let error = io::Error::other(Error::DecryptError);
        assert_eq!(
            explained(error, "localhost").to_string(),
            "cannot decrypt peer's message"
        );
        let error = io::Error::other("reset");
        assert_eq!(explained(error, "localhost").to_string(), "reset");
        let unknown = CertificateError::Other(OtherError(Arc::new(webpki::Error::BadDer)));
        assert!(certificate(&unknown).is_none());
    }

    #[test]
    fn the_days_of_a_certificate_are_written_as_dates() {
        for (seconds, expected) in [
            (0, "1970-01-01"),
            (951_868_799, "2000-02-29"),
            (2_524_607_999, "2049-12-31"),
        ] {
            assert_eq!(day(UnixTime::since_unix_epoch(Duration::from_secs(seconds))), expected);
        }
    }
}
