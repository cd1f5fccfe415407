//! JSON text that has not been parsed yet.

use std::{cell::Cell, fmt};

use bytes::Bytes;
use bytestring::ByteString;
use serde::{Serialize, Serializer, de::DeserializeOwned, ser::Error};
use serde_json::value::RawValue;

use super::shared_str::SharedStr;
use crate::json;

thread_local! {
    /// Buffer for values that may turn out to be small. It is taken out while a value is written,
    /// because writing one value may write another.
    static SCRATCH: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// Maximum size, in bytes, of a value that is copied out of the buffer, which is then kept for the
/// next value.
const KEPT: usize = 4096;
const UTF8: &str = "serde_json writes UTF-8";

/// One JSON value as text, cheap to clone: usually a slice of the frame in which it arrived, or a
/// copy if it is short.
///
/// ```
/// use nest_wire::packet::RawJson;
///
/// let numbers = RawJson::from_value(&[1.0, 2.5])?;
/// assert_eq!(numbers.as_str(), "[1,2.5]");
/// assert_eq!(numbers.parse::<Vec<f64>>()?, [1.0, 2.5]);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct RawJson(SharedStr);

impl RawJson {
    /// Checks that `text` is one JSON value and keeps the text unchanged, without surrounding white
    /// space.
    ///
    /// # Errors
    /// The parser's error, with line and column (in bytes), if `text` is not JSON.
    pub fn new(text: impl Into<ByteString>) -> Result<Self, serde_json::Error> {
        let text = text.into();
        let value = serde_json::from_str::<&RawValue>(&text)?;
        Ok(Self::slice_of(&text, value.get()))
    }

    /// Returns the text that `JSON.stringify` would write for `value` (see [`json::to_string`]).
    ///
    /// # Errors
    /// `value` cannot be serialised, or has map keys that are not strings.
    pub fn from_value<T: Serialize + ?Sized>(value: &T) -> Result<Self, serde_json::Error> {
        let mut scratch = SCRATCH.take();
        scratch.clear();
        let written = json::append(value, &mut scratch).map(|()| match scratch.len() {
            // A copy has exactly the size it needs, which avoids the bookkeeping of a buffer with
            // spare capacity.
            ..=KEPT => SharedStr::copied(std::str::from_utf8(&scratch).expect(UTF8)),
            _ => SharedStr::Shared(String::from_utf8(std::mem::take(&mut scratch)).expect(UTF8).into()),
        });
        SCRATCH.set(scratch);
        written.map(Self)
    }

    /// Returns the same as [`from_value`](Self::from_value) without a serialiser, because replies
    /// are frequently numbers.
    pub(crate) fn number(number: f64) -> Self {
        if number.is_finite() {
            Self(json::with_number(number, SharedStr::copied))
        } else {
            Self::null()
        }
    }

    /// Returns an integer as JSON, with all its digits, where [`number`](Self::number) would round.
    pub(crate) fn integer(number: impl itoa::Integer) -> Self {
        Self(SharedStr::copied(itoa::Buffer::new().format(number)))
    }

    /// Returns `null`.
    #[must_use]
    pub const fn null() -> Self {
        Self::trusted_static("null")
    }

    /// Returns the value with this text, which the caller knows to be JSON because a parser or
    /// serialiser has just processed it.
    pub(crate) fn trusted(text: impl Into<ByteString>) -> Self {
        Self(SharedStr::Shared(text.into()))
    }

    pub(super) const fn trusted_static(text: &'static str) -> Self {
        Self(SharedStr::Shared(ByteString::from_static(text)))
    }

    /// Returns a JSON value that is a part of `text`; the value shares the memory of `text` unless
    /// it is small.
    pub(crate) fn slice_of(text: &ByteString, value: &str) -> Self {
        Self(SharedStr::slice_of(text, value))
    }

    /// Decodes the value into a type, as JavaScript would have read it (see [`json::from_str`]).
    ///
    /// # Errors
    /// The value does not fit `T`: what was found, what was expected, and where (line and column,
    /// in bytes).
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        json::from_str(self.as_str())
    }

    /// Returns the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// Returns the text's bytes, shared unless the text is short.
    pub(crate) fn to_bytes(&self) -> Bytes {
        self.0.to_bytes()
    }

    /// Returns the text, shared unless it is short.
    pub(crate) fn to_text(&self) -> ByteString {
        self.0.to_text()
    }

    /// Returns the value as Node would write it after reading it: `1.0` becomes `1`, and white
    /// space is removed.
    ///
    /// A string without escapes, such as every id that Nest generates, is already normalised and
    /// costs nothing. A value nested deeper than [`json::MAX_DEPTH`] is returned unchanged.
    pub(crate) fn normalised(self) -> Self {
        if json::is_plain_string(self.as_str()) {
            return self;
        }
        match json::parse(self.as_str()) {
            Ok(value) => Self::trusted(value.stringify()),
            Err(_) => self,
        }
    }

    /// Returns true if the value is truthy in JavaScript: all values but `false`, `null`, `""` and
    /// the zeros.
    #[must_use]
    pub fn is_truthy(&self) -> bool {
        is_truthy(self.as_str())
    }
}

/// Returns true if the JSON in `text` is truthy: see [`RawJson::is_truthy`].
pub(super) fn is_truthy(text: &str) -> bool {
    match text {
        "true" => true,
        "false" | "null" | "\"\"" => false,
        text if text.starts_with(|first: char| first == '-' || first.is_ascii_digit()) => {
            text.parse::<f64>().is_ok_and(|number| number != 0.0)
        }
        _ => true,
    }
}

/// Serialises the text unchanged, with the serialisers of serde_json and of this crate.
impl Serialize for RawJson {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serde_json::from_str::<&RawValue>(self.as_str())
            .map_err(S::Error::custom)?
            .serialize(serializer)
    }
}

impl fmt::Debug for RawJson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for RawJson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for RawJson {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "AnyValue".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        true.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn truth_is_javascripts() {
        for text in ["false", "null", "\"\"", "0", "-0", "0.0", "0e7", "-0.0e-1", "1e-400"] {
            assert!(!RawJson::trusted(text).is_truthy(), "{text}");
        }
        for text in ["true", "1", "-1", "0.1", "\"0\"", "[]", "{}", "\" \""] {
            assert!(RawJson::trusted(text).is_truthy(), "{text}");
        }
    }

    #[test]
    fn a_number_is_written_as_the_serialiser_writes_it() {
        for number in [
            0.0,
            -0.0,
            6.0,
            0.1,
            -1.5e300,
            9_007_199_254_740_993.0,
            f64::NAN,
            f64::INFINITY,
        ] {
            assert_eq!(
                RawJson::number(number),
                RawJson::from_value(&number).expect("JSON"),
                "{number}"
            );
        }
        for number in [i64::MIN, -1, 9_007_199_254_740_993, i64::MAX] {
            assert_eq!(
                RawJson::integer(number),
                RawJson::from_value(&number).expect("JSON"),
                "{number}"
            );
        }
        assert_eq!(
            RawJson::integer(u64::MAX),
            RawJson::from_value(&u64::MAX).expect("JSON")
        );
    }

    #[test]
    fn raw_json_is_written_as_it_stands() {
        let raw = RawJson::new(r#"{"b": 1.0, "a": "\u0041"}"#).expect("JSON");
        let list = RawJson::from_value(&[&raw, &RawJson::null()]).expect("JSON");
        assert_eq!(list.as_str(), format!("[{raw},null]"));
    }

    #[test]
    fn white_space_around_a_value_is_no_part_of_it() {
        let raw = RawJson::new(" null\n").expect("JSON");
        assert_eq!(raw, RawJson::null());
        assert!(!raw.is_truthy());
    }
}
