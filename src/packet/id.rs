//! The ids that our client gives its calls.

use std::fmt;

use super::RawJson;
use crate::{compat::Compat, js};

/// A request's id: 21 lower-case hexadecimal digits, as Nest 9 and later make them (`randomStringGenerator` in
/// `@nestjs/common`), or a UUID, as 7 and 8 do.
///
/// A server may send ids of any JSON type; those that are of neither form are simply not ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CallId {
    value: u128,
    form: Form,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Form {
    Digits,
    Uuid,
}

/// How many digits, that is characters and bytes, an id has that is no UUID.
const DIGITS: usize = 21;
/// How many characters, or bytes, a UUID has.
const UUID: usize = 36;

impl CallId {
    /// A new id, as good as never given before, of the form that this major of Nest uses.
    #[must_use]
    pub fn random(compat: Compat) -> Self {
        let random = fastrand::u128(..);
        if compat.has_uuids() {
            Self::uuid(random)
        } else {
            Self::digits(random)
        }
    }

    /// The id of 21 digits with this value; bits past the last digit are dropped.
    #[must_use]
    pub const fn digits(value: u128) -> Self {
        Self {
            value: value & ((1 << (4 * DIGITS)) - 1),
            form: Form::Digits,
        }
    }

    /// The UUID, version 4, that takes its 122 random bits from here.
    #[must_use]
    pub const fn uuid(bits: u128) -> Self {
        const VERSION: u128 = 0xf << 76;
        const VARIANT: u128 = 0b11 << 62;
        Self {
            value: bits & !VERSION & !VARIANT | 0x4 << 76 | 0b10 << 62,
            form: Form::Uuid,
        }
    }

    /// The id that a reply carries, if it can be one of ours.
    #[must_use]
    pub fn read(id: &RawJson) -> Option<Self> {
        Self::read_json(id.as_str())
    }

    /// As [`read`](Self::read), of the JSON in `id`.
    pub(crate) fn read_json(id: &str) -> Option<Self> {
        if js::is_plain_string(id) {
            Self::read_text(id)
        } else {
            Self::read_text(RawJson::trusted(id.to_owned()).normalised().as_str())
        }
    }

    fn read_text(quoted: &str) -> Option<Self> {
        let text = quoted.strip_prefix('"')?.strip_suffix('"')?;
        match text.len() {
            DIGITS => lower_hex(text).map(Self::digits),
            UUID => {
                let value = lower_hex(&text.replace('-', ""))?;
                let id = Self {
                    value,
                    form: Form::Uuid,
                };
                // Dashes elsewhere have been read just so.
                (id.to_string() == text).then_some(id)
            }
            _ => None,
        }
    }
}

fn lower_hex(digits: &str) -> Option<u128> {
    // In two halves, for machines count in 64 bits.
    let (high, low) = digits.split_at_checked(digits.len().saturating_sub(16))?;
    Some(u128::from(lower_hex_half(high)?) << 64 | u128::from(lower_hex_half(low)?))
}

/// Of at most 16 digits.
fn lower_hex_half(digits: &str) -> Option<u64> {
    digits.bytes().try_fold(0, |value, digit| {
        let digit = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => return None,
        };
        Some(value << 4 | u64::from(digit))
    })
}

/// The last digits of `value`, as many as there is room for.
fn write_hex(mut value: u64, room: &mut [u8]) {
    for digit in room.iter_mut().rev() {
        *digit = b"0123456789abcdef"[value as usize & 0xf];
        value >>= 4;
    }
}

impl CallId {
    /// Appends its text, which is ASCII. Each request has one, and Rust's formatters take many times as long.
    pub(crate) fn append(self, out: &mut Vec<u8>) {
        let mut digits = [0; 32];
        let (high, low) = digits.split_at_mut(16);
        write_hex((self.value >> 64) as u64, high);
        write_hex(self.value as u64, low);
        match self.form {
            Form::Digits => out.extend_from_slice(&digits[32 - DIGITS..]),
            Form::Uuid => {
                for (at, digit) in digits.into_iter().enumerate() {
                    if let 8 | 12 | 16 | 20 = at {
                        out.push(b'-');
                    }
                    out.push(digit);
                }
            }
        }
    }
}

impl fmt::Display for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = Vec::with_capacity(UUID);
        self.append(&mut text);
        f.write_str(str::from_utf8(&text).expect("ASCII"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(id: &str) -> Option<CallId> {
        CallId::read(&RawJson::new(id.to_owned()).expect("JSON"))
    }

    #[test]
    fn an_id_is_written_and_read_back() {
        let made = [Compat::Nest8, Compat::Nest9].map(CallId::random);
        for id in made
            .into_iter()
            .chain([CallId::digits(0), CallId::digits(u128::MAX), CallId::uuid(0)])
        {
            assert_eq!(read(&format!("\"{id}\"")), Some(id), "{id}");
        }
    }

    #[test]
    fn each_form_is_its_majors() {
        assert_eq!(CallId::digits(0xabc).to_string(), "000000000000000000abc");
        assert_eq!(
            CallId::uuid(u128::MAX).to_string(),
            "ffffffff-ffff-4fff-bfff-ffffffffffff"
        );
        assert_eq!(CallId::uuid(0).to_string(), "00000000-0000-4000-8000-000000000000");
    }

    #[test]
    fn ids_of_other_forms_are_not_ours() {
        for id in [
            "1",
            "null",
            "[]",
            "\"abc\"",
            "\"00000000000000000000A\"",
            "\"+0000000000000000000a\"",
            "\"0000000000-0000000000a\"",
            "\"00000000-0000-4000-80000000-00000000\"",
        ] {
            assert_eq!(read(id), None, "{id}");
        }
    }

    #[test]
    fn an_escaped_digit_is_a_digit() {
        assert_eq!(read(r#""\u00300000000000000000000a""#), Some(CallId::digits(10)));
    }
}
