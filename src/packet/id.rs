//! The ids that our client gives its calls.

use std::fmt;

use super::RawJson;
use crate::{compat::Compat, json};

/// A request's id: 21 lower-case hexadecimal digits, as Nest 9 and later make them
/// (`randomStringGenerator` in `@nestjs/common`), or a UUID, as 7 and 8 do.
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
    /// Returns a new id, as good as never given before, of the form that this major of Nest uses.
    #[must_use]
    pub fn random(compat: Compat) -> Self {
        Self::of(compat, fastrand::u128(..))
    }

    /// Returns the id with this value, of the form that this major of Nest uses; some bits do not
    /// fit into it.
    pub(crate) fn of(compat: Compat, bits: u128) -> Self {
        if compat.has_uuids() {
            Self::uuid(bits)
        } else {
            Self::digits(bits)
        }
    }

    /// Returns the value of its last eight digits, which all ids have to themselves.
    pub(crate) const fn last_digits(self) -> u32 {
        self.value as u32
    }

    /// Returns the id of 21 digits with this value; bits past the last digit are dropped.
    #[must_use]
    pub const fn digits(value: u128) -> Self {
        Self {
            value: value & ((1 << (4 * DIGITS)) - 1),
            form: Form::Digits,
        }
    }

    /// Returns the UUID, version 4, that takes its 122 random bits from here.
    #[must_use]
    pub const fn uuid(bits: u128) -> Self {
        const VERSION: u128 = 0xf << 76;
        const VARIANT: u128 = 0b11 << 62;
        Self {
            value: bits & !VERSION & !VARIANT | 0x4 << 76 | 0b10 << 62,
            form: Form::Uuid,
        }
    }

    /// Returns the id that a reply carries, if it can be one of ours.
    #[must_use]
    pub fn read(id: &RawJson) -> Option<Self> {
        Self::read_json(id.as_str())
    }

    /// As [`read`](Self::read), of the JSON in `id`.
    pub(crate) fn read_json(id: &str) -> Option<Self> {
        Self::read_text(id).or_else(|| match json::is_plain_string(id) {
            true => None,
            false => Self::read_text(RawJson::trusted(id.to_owned()).normalised().as_str()),
        })
    }

    /// As [`read_json`](Self::read_json), of a string without escapes.
    pub(super) fn read_text(quoted: &str) -> Option<Self> {
        let text = quoted.strip_prefix('"')?.strip_suffix('"')?;
        match text.len() {
            DIGITS => read_odd(text.as_bytes().first_chunk()?).map(Self::digits),
            UUID => {
                let value = read_eights(0, text.replace('-', "").as_bytes())?;
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

/// Of 5 digits more than a number of eights.
fn read_odd(digits: &[u8; DIGITS]) -> Option<u128> {
    let [a, b, c, d, e, eights @ ..] = digits;
    let high = read_hex([b'0', b'0', b'0', *a, *b, *c, *d, *e])?;
    read_eights(high, eights)
}

/// Reads on after `high`.
fn read_eights(high: u32, digits: &[u8]) -> Option<u128> {
    let (eights, _) = digits.as_chunks();
    eights.iter().try_fold(high.into(), |value, eight| {
        Some(value << 32 | u128::from(read_hex(*eight)?))
    })
}

const EACH: u64 = 0x0101_0101_0101_0101;

/// Returns the inverse of [`hex`]: what would not be written like that is no number.
fn read_hex(digits: [u8; 8]) -> Option<u32> {
    let characters = u64::from_be_bytes(digits);
    let is_letter = characters >> 6 & EACH;
    let spread = (characters & (EACH * 0x0f)) + is_letter * 9;
    let spread = (spread >> 4 | spread) & 0x00ff_00ff_00ff_00ff;
    let spread = (spread >> 8 | spread) & 0x0000_ffff_0000_ffff;
    let value = (spread >> 16 | spread) as u32;
    (hex(value) == digits).then_some(value)
}

/// Eight digits at once: the nibbles are spread over the bytes of a word, and all of them made
/// characters together.
fn hex(value: u32) -> [u8; 8] {
    let spread = u64::from(value);
    let spread = (spread << 16 | spread) & 0x0000_ffff_0000_ffff;
    let spread = (spread << 8 | spread) & 0x00ff_00ff_00ff_00ff;
    let spread = (spread << 4 | spread) & (EACH * 0x0f);
    let is_letter = (spread + EACH * 6) >> 4 & EACH;
    (spread + EACH * u64::from(b'0') + is_letter * u64::from(b'a' - b'0' - 10)).to_be_bytes()
}

impl CallId {
    /// Appends its text, which is ASCII. Each request has one, and Rust's formatters take many
    /// times as long.
    pub(crate) fn append(self, out: &mut Vec<u8>) {
        let mut digits = [0; 32];
        for (eight, shift) in digits.as_chunks_mut().0.iter_mut().zip([96, 64, 32, 0]) {
            *eight = hex((self.value >> shift) as u32);
        }
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
