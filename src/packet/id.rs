//! The ids that our client gives its calls.

use std::fmt;

use super::RawJson;

/// A request's id: 21 lower-case hexadecimal digits, as Nest 9 and later make them (`randomStringGenerator` in
/// `@nestjs/common`).
///
/// A server may send ids of any JSON type; those that are not of this form are simply not ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CallId(u128);

impl CallId {
    /// How many digits, that is characters and bytes, an id has.
    pub const DIGITS: usize = 21;
    const MASK: u128 = (1 << (4 * Self::DIGITS)) - 1;

    /// A new id, as good as never given before.
    #[must_use]
    pub fn random() -> Self {
        Self(fastrand::u128(..=Self::MASK))
    }

    /// The id that a reply carries, if it can be one of ours.
    #[must_use]
    pub fn read(id: &RawJson) -> Option<Self> {
        let id = id.clone().normalised();
        let digits = id.as_str().strip_prefix('"')?.strip_suffix('"')?;
        let ours =
            digits.len() == Self::DIGITS && digits.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'));
        ours.then(|| u128::from_str_radix(digits, 16).ok().map(Self)).flatten()
    }

    pub(super) fn to_ascii(self) -> [u8; Self::DIGITS] {
        let mut digits = [0; Self::DIGITS];
        for (place, digit) in digits.iter_mut().rev().enumerate() {
            *digit = b"0123456789abcdef"[(self.0 >> (4 * place)) as usize & 0xf];
        }
        digits
    }
}

impl From<u128> for CallId {
    /// The id with this value; bits past the 21st digit are dropped.
    fn from(value: u128) -> Self {
        Self(value & Self::MASK)
    }
}

impl fmt::Display for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:021x}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_written_and_read_back() {
        for id in [CallId::from(0), CallId::from(u128::MAX), CallId::random()] {
            let digits = String::from_utf8(id.to_ascii().to_vec()).expect("ASCII");
            assert_eq!(digits, id.to_string());
            assert_eq!(CallId::read(&RawJson::trusted(format!("\"{digits}\""))), Some(id));
        }
    }

    #[test]
    fn ids_of_other_forms_are_not_ours() {
        for id in [
            "1",
            "null",
            "\"abc\"",
            "\"00000000000000000000A\"",
            "\"+0000000000000000000a\"",
            "[]",
        ] {
            assert_eq!(CallId::read(&RawJson::trusted(id)), None, "{id}");
        }
    }

    #[test]
    fn an_escaped_digit_is_a_digit() {
        let escaped = RawJson::trusted(r#""\u00300000000000000000000a""#);
        assert_eq!(CallId::read(&escaped), Some(CallId::from(10)));
    }
}
