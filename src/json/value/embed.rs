//! [`Value`] within types that `serde_json` reads and writes.
//!
//! It goes by way of [`RawValue`], the text itself, since serde's own data model has neither lone
//! surrogates nor numbers as JavaScript spells them.

use serde::de::{Deserialize, Deserializer, Error as _};
use serde::ser::{Error as _, Serialize, Serializer};
use serde_json::value::RawValue;

use super::{Array, Object, Value, string::JsString};
use crate::json::{read::parse::parse, write::quote::push_quoted};

/// With `serde_json`'s serialisers only.
///
/// ```
/// # use nest_wire::json;
/// let value = json::parse(r#"{"b":1e21,"1":"\ud800"}"#)?;
/// assert_eq!(serde_json::to_string(&[value])?, r#"[{"1":"\ud800","b":1e+21}]"#);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serialize_json(self.stringify(), serializer)
    }
}

/// With `serde_json`'s serialisers only, as [`Value`].
impl Serialize for Object {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serialize_json(self.stringify(), serializer)
    }
}

/// With `serde_json`'s serialisers only, as [`Value`].
impl Serialize for Array {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serialize_json(self.stringify(), serializer)
    }
}

/// As a string where it is one; with `serde_json`'s serialisers only where it holds a lone
/// surrogate.
impl Serialize for JsString {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if let Some(text) = self.as_str() {
            return serializer.serialize_str(text);
        }
        let mut quoted = String::new();
        push_quoted(self, &mut quoted);
        serialize_json(quoted, serializer)
    }
}

fn serialize_json<S: Serializer>(text: String, serializer: S) -> Result<S::Ok, S::Error> {
    RawValue::from_string(text)
        .map_err(S::Error::custom)?
        .serialize(serializer)
}

/// With `serde_json`'s deserialisers only, and not within what serde buffers on the way:
/// `#[serde(flatten)]` and untagged enums have lost the text by then.
///
/// ```
/// # use nest_wire::json;
/// let values: Vec<json::Value> = serde_json::from_str(r#"[{"b":1.0,"1":"\ud800"}, 1e999]"#)?;
/// assert_eq!(values[0].stringify(), r#"{"1":"\ud800","b":1}"#);
/// assert_eq!(values[1].as_f64(), Some(f64::INFINITY));
/// # Ok::<(), serde_json::Error>(())
/// ```
impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        parse(raw.get()).map_err(D::Error::custom)
    }
}

/// An object only; with `serde_json`'s deserialisers only, as [`Value`].
impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::Object(object) => Ok(object),
            _ => Err(D::Error::custom("invalid type: expected an object")),
        }
    }
}

/// An array only; with `serde_json`'s deserialisers only, as [`Value`].
impl<'de> Deserialize<'de> for Array {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::Array(array) => Ok(array),
            _ => Err(D::Error::custom("invalid type: expected an array")),
        }
    }
}

/// A string only; with `serde_json`'s deserialisers only, as [`Value`].
impl<'de> Deserialize<'de> for JsString {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::String(text) => Ok(text),
            _ => Err(D::Error::custom("invalid type: expected a string")),
        }
    }
}
