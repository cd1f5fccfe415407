//! Numbers as text that may be missing, for `#[serde(default, with =
//! "nest_wire::json::text::option")]`.
//!
//! ```
//! use nest_wire::json;
//!
//! #[derive(serde::Serialize, serde::Deserialize)]
//! struct Search {
//!     #[serde(default, with = "nest_wire::json::text::option")]
//!     limit: Option<u32>,
//! }
//!
//! assert_eq!(json::from_str::<Search>(r#"{"limit":"12"}"#)?.limit, Some(12));
//! assert_eq!(json::from_str::<Search>(r#"{"limit":null}"#)?.limit, None);
//! assert_eq!(json::from_str::<Search>("{}")?.limit, None);
//! assert_eq!(json::to_string(&Search { limit: Some(7) })?, r#"{"limit":"7"}"#);
//! # Ok::<(), serde_json::Error>(())
//! ```

use std::{fmt, marker::PhantomData, str::FromStr};

use serde::{
    Deserializer, Serializer,
    de::{Error, Visitor},
};

/// Writes a number as the text of its digits, `None` as null.
///
/// # Errors
/// Those of the serializer.
pub fn serialize<T: fmt::Display, S: Serializer>(number: &Option<T>, serializer: S) -> Result<S::Ok, S::Error> {
    match number {
        Some(number) => super::serialize(number, serializer),
        None => serializer.serialize_none(),
    }
}

/// Reads a number from its text or from a number; `None` from null.
///
/// # Errors
/// As [`text::deserialize`](super::deserialize). An empty text is no number.
pub fn deserialize<'de, T: FromStr, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    deserializer.deserialize_option(OptionVisitor(PhantomData))
}

/// Returns the schema of such a number: that of [`text::json_schema`](super::json_schema), or null
/// (feature `schema`).
#[cfg(feature = "schema")]
pub fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
    match generator.contract().is_serialize() {
        true => schemars::json_schema!({ "type": ["string", "null"] }),
        false => schemars::json_schema!({ "type": ["string", "number", "null"] }),
    }
}

struct OptionVisitor<T>(PhantomData<T>);

impl<'de, T: FromStr> Visitor<'de> for OptionVisitor<T> {
    type Value = Option<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number, the text of a number, or null")
    }

    fn visit_none<E: Error>(self) -> Result<Option<T>, E> {
        Ok(None)
    }

    fn visit_unit<E: Error>(self) -> Result<Option<T>, E> {
        Ok(None)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<T>, D::Error> {
        super::deserialize(deserializer).map(Some)
    }
}
