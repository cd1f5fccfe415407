//! Reads the dates and the public key of a certificate, of any version of X.509.

use std::time::Duration;

use tokio_rustls::rustls::pki_types::{SubjectPublicKeyInfoDer, UnixTime};

const INTEGER: u8 = 0x02;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const SEQUENCE: u8 = 0x30;
/// The tag of the version field, which a certificate of version 1 does not have.
const VERSION: u8 = 0xa0;
const BIT_STRING: u8 = 0x03;

/// The fields of a certificate that webpki does not give for version 1 (RFC 5280 §4.1).
#[derive(Debug, Clone)]
pub(super) struct Fields {
    pub(super) not_before: UnixTime,
    pub(super) not_after: UnixTime,
    pub(super) public_key: SubjectPublicKeyInfoDer<'static>,
}

impl Fields {
    /// Reads a certificate in DER. Returns `None` if it is malformed.
    pub(super) fn read(certificate: &[u8]) -> Option<Self> {
        let mut outer = Reader(certificate);
        let mut certificate = Reader(outer.contents(SEQUENCE)?);
        let mut fields = Reader(certificate.contents(SEQUENCE)?);
        if !outer.0.is_empty() {
            return None;
        }
        if fields.0.first() == Some(&VERSION) {
            fields.contents(VERSION)?;
        }
        fields.contents(INTEGER)?; // The serial number.
        fields.contents(SEQUENCE)?; // The algorithm of the signature.
        fields.contents(SEQUENCE)?; // The issuer.
        let mut validity = Reader(fields.contents(SEQUENCE)?);
        fields.contents(SEQUENCE)?; // The subject.
        let before = fields.0;
        fields.contents(SEQUENCE)?;
        let public_key = &before[..before.len() - fields.0.len()];
        Some(Self {
            not_before: validity.time()?,
            not_after: validity.time()?,
            public_key: SubjectPublicKeyInfoDer::from(public_key.to_vec()),
        })
    }
}

/// Splits a public key into its algorithm and its bits. Returns `None` if it is malformed.
pub(super) fn algorithm_and_bits(public_key: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut fields = Reader(Reader(public_key).contents(SEQUENCE)?);
    let algorithm = fields.contents(SEQUENCE)?;
    let (unused, bits) = fields.contents(BIT_STRING)?.split_first()?;
    (*unused == 0).then_some((algorithm, bits))
}

/// The rest of a sequence of DER elements.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// Takes the next element. Returns its contents if it has the expected tag.
    fn contents(&mut self, expected: u8) -> Option<&'a [u8]> {
        let (tag, contents) = self.element()?;
        (tag == expected).then_some(contents)
    }

    fn element(&mut self) -> Option<(u8, &'a [u8])> {
        let (&[tag, first], mut rest) = self.0.split_first_chunk::<2>()?;
        let mut length = usize::from(first);
        if first >= 0x80 {
            let (digits, after) = rest.split_at_checked(usize::from(first & 0x7f))?;
            if digits.is_empty() || digits.len() > 3 {
                return None;
            }
            length = digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit));
            rest = after;
        }
        let (contents, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some((tag, contents))
    }

    /// Takes a time, which RFC 5280 §4.1.2.5 requires in UTC and with seconds. Returns `None` if it
    /// is malformed.
    fn time(&mut self) -> Option<UnixTime> {
        let (tag, text) = self.element()?;
        let digits = text.strip_suffix(b"Z")?;
        let (year, rest) = match (tag, digits.len()) {
            (UTC_TIME, 12) => {
                let year = number(&digits[..2])?;
                (if year < 50 { 2000 + year } else { 1900 + year }, &digits[2..])
            }
            (GENERALIZED_TIME, 14) => (number(&digits[..4])?, &digits[4..]),
            _ => return None,
        };
        let field = |at: usize| number(&rest[at..at + 2]);
        let days = days_since_1970(year, field(0)?, field(2)?)?;
        let seconds = ((days * 24 + field(4)?) * 60 + field(6)?) * 60 + field(8)?;
        // No certificate is in use before 1970.
        Some(UnixTime::since_unix_epoch(Duration::from_secs(
            u64::try_from(seconds).unwrap_or(0),
        )))
    }
}

fn number(digits: &[u8]) -> Option<i64> {
    digits.iter().try_fold(0, |number, digit| {
        digit.is_ascii_digit().then(|| number * 10 + i64::from(digit - b'0'))
    })
}

/// Returns the number of days in the Gregorian calendar since 1970, or `None` if the month or day
/// is out of range. Years begin in March, so that a leap day is the last day of a year.
fn days_since_1970(year: i64, month: i64, day: i64) -> Option<i64> {
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let year = if month > 2 { year } else { year - 1 };
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let leap_days = year / 4 - year / 100 + year / 400;
    Some(year * 365 + leap_days + day_of_year - 719_468)
}

/// Returns the year, month and day of a time, in UTC.
pub(super) fn date(time: UnixTime) -> (u64, u64, u64) {
    let days = time.as_secs() / 86_400 + 719_468;
    let era = days / 146_097;
    let day_of_era = days % 146_097;
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let (year, month) = (year_of_era + era * 400, (month + 2) % 12 + 1);
    (if month <= 2 { year + 1 } else { year }, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_in_both_spellings() {
        for (tag, text, expected) in [
            (UTC_TIME, "700101000000Z", 0),
            (UTC_TIME, "000229235959Z", 951_868_799),
            (UTC_TIME, "491231235959Z", 2_524_607_999),
            (GENERALIZED_TIME, "20500101000000Z", 2_524_608_000),
        ] {
            let mut der = vec![tag, u8::try_from(text.len()).expect("short")];
            der.extend(text.as_bytes());
            let time = Reader(&der).time().expect(text);
            assert_eq!(time.as_secs(), expected, "{text}");
        }
    }

    #[test]
    fn malformed_bytes_are_refused() {
        for bytes in [
            &b""[..],
            b"\x30",
            b"\x30\x80",
            b"\x30\x84\xff\xff\xff\xff",
            b"\x30\x02\x30\x00",
            b"\x30\x7f",
        ] {
            assert!(Fields::read(bytes).is_none(), "{bytes:?}");
        }
    }
}
