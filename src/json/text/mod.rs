//! Integers as text, for `#[serde(with = "nest_wire::json::text")]`.
//!
//! JavaScript rounds integers beyond 2^53 as it reads them. An identifier that is written as text
//! reaches a Node peer with all its digits. Text and numbers are read alike. [`option`] does so for
//! a number that may be missing.
//!
//! ```
//! use nest_wire::json;
//!
//! #[derive(serde::Serialize, serde::Deserialize)]
//! struct Order {
//!     #[serde(with = "nest_wire::json::text")]
//!     id: u64,
//! }
//!
//! let text = json::to_string(&Order { id: u64::MAX })?;
//! assert_eq!(text, r#"{"id":"18446744073709551615"}"#);
//! assert_eq!(json::from_str::<Order>(&text)?.id, u64::MAX);
//! assert_eq!(json::from_str::<Order>(r#"{"id":7}"#)?.id, 7);
//! # Ok::<(), serde_json::Error>(())
//! ```
//!
//! A type that also derives `schemars::JsonSchema` (feature `schema`) says so a second time:
//! `#[schemars(schema_with = "nest_wire::json::text::json_schema")]`.

pub mod option;

use std::{fmt, marker::PhantomData, str::FromStr};

use serde::{
    Deserializer, Serializer,
    de::{Error, Visitor},
};

use super::number_to_string;

/// Writes a number as the text of its digits.
///
/// # Errors
/// Those of the serializer.
pub fn serialize<T: fmt::Display, S: Serializer>(number: &T, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(number)
}

/// Reads a number from its text, or from a number.
///
/// # Errors
/// The text does not stand for a `T`, or the value is neither a text nor a number.
pub fn deserialize<'de, T: FromStr, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    deserializer.deserialize_any(TextOrNumber(PhantomData))
}

/// Returns the schema of such a number: text; in what a service reads, a number too (feature
/// `schema`).
#[cfg(feature = "schema")]
pub fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
    match generator.contract().is_serialize() {
        true => schemars::json_schema!({ "type": "string" }),
        false => schemars::json_schema!({ "type": ["string", "number"] }),
    }
}

struct TextOrNumber<T>(PhantomData<T>);

impl<T: FromStr> Visitor<'_> for TextOrNumber<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number or the text of a number")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        // Rust also reads `+5`, `NaN` and `inf`, which Nest's `ParseIntPipe` and `ParseFloatPipe`
        // refuse.
        let digits = text.strip_prefix('-').unwrap_or(text);
        let number = digits
            .starts_with(|c: char| c.is_ascii_digit() || c == '.')
            .then(|| text.parse());
        match number {
            Some(Ok(number)) => Ok(number),
            _ => Err(E::invalid_value(serde::de::Unexpected::Str(text), &self)),
        }
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<T, E> {
        self.visit_str(&number.to_string())
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<T, E> {
        self.visit_str(&number.to_string())
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<T, E> {
        self.visit_str(&number_to_string(number))
    }
}
