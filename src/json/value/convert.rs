//! What can be turned into a [`Value`]: Rust's own types and `serde_json`'s values.

use super::{Array, Object, Value, string::JsString};

impl From<bool> for Value {
    fn from(flag: bool) -> Self {
        Self::Bool(flag)
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Self::Number(number)
    }
}

macro_rules! from_integers {
    ($($integer:ty),+) => {$(
        /// JavaScript has one type of number: beyond 2^53 the integer is rounded to it.
        impl From<$integer> for Value {
            fn from(number: $integer) -> Self {
                Self::Number(number as f64)
            }
        }
    )+};
}

from_integers!(i8, i16, i32, i64, isize, u8, u16, u32, u64, usize);

impl From<f32> for Value {
    fn from(number: f32) -> Self {
        Self::Number(number.into())
    }
}

/// `None` is null.
impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, T::into)
    }
}

impl<T: Into<Self>, const N: usize> From<[T; N]> for Value {
    fn from(elements: [T; N]) -> Self {
        Self::Array(elements.into_iter().collect())
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::String(JsString::from(text))
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::String(JsString::from(text))
    }
}

impl From<JsString> for Value {
    fn from(text: JsString) -> Self {
        Self::String(text)
    }
}

impl From<Array> for Value {
    fn from(elements: Array) -> Self {
        Self::Array(elements)
    }
}

impl<T: Into<Value>> From<Vec<T>> for Value {
    fn from(elements: Vec<T>) -> Self {
        Self::Array(elements.into_iter().collect())
    }
}

impl From<Object> for Value {
    fn from(members: Object) -> Self {
        Self::Object(members)
    }
}

/// Integers beyond 2^53 are rounded, and integer-like keys go first: what the same value would be
/// in JavaScript. The other keys come as `serde_json` has them: sorted, unless its feature
/// `preserve_order` is on.
impl From<serde_json::Value> for Value {
    fn from(value: serde_json::Value) -> Self {
        match value {
            serde_json::Value::Null => Self::Null,
            serde_json::Value::Bool(flag) => Self::Bool(flag),
            // Without serde_json's `arbitrary_precision` every number is an `f64`'s; with it, what
            // is too large for one is infinite to JavaScript.
            serde_json::Value::Number(number) => Self::Number(number.as_f64().unwrap_or(f64::INFINITY)),
            serde_json::Value::String(text) => Self::from(text),
            serde_json::Value::Array(elements) => Self::from(elements),
            serde_json::Value::Object(members) => Self::Object(members.into_iter().collect()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_round_as_they_become_numbers() {
        assert_eq!(Value::from(9_007_199_254_740_993_u64).stringify(), "9007199254740992");
        assert_eq!(Value::from(u64::MAX).stringify(), "18446744073709552000");
        assert_eq!(Value::from(i64::MIN).stringify(), "-9223372036854776000");
    }

    #[test]
    fn serde_jsons_values_become_what_javascript_would_have() {
        let value = serde_json::json!({"b": [1.0, u64::MAX, null], "10": true, "9": {"x": "é"}});
        let text = r#"{"9":{"x":"é"},"10":true,"b":[1,18446744073709552000,null]}"#;
        assert_eq!(Value::from(value).stringify(), text);
    }
}
