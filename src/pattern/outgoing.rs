//! A pattern as a program writes it, to register a handler or to send a call.

use std::fmt;

use crate::json::{self, JsString, Object, Value};

use super::route::Route;
use super::transform::route_of;
use crate::compat::Compat;

/// The address of a message or an event: a string, a number, or an object of these.
///
/// Anything that converts to a [`json::Value`] converts to a pattern: text, numbers,
/// [`serde_json::Value`]s, and vectors (in Nest an array is an object with the keys `0`, `1`, …).
/// The order of the keys does not change the pattern. To send the keys in a certain order, use
/// [`object`](Self::object), because `serde_json`'s maps sort their keys unless its feature
/// `preserve_order` is on.
///
/// ```
/// use nest_wire::{Compat, pattern::Pattern};
///
/// let patterns = [
///     Pattern::from("sum"),
///     Pattern::from(7),
///     Pattern::object([("cmd", "sum")]),
///     Pattern::from(serde_json::json!({ "cmd": "sum", "v": 2.0 })),
/// ];
/// let routes = patterns.map(|pattern| pattern.route(Compat::Nest12).to_string());
/// assert_eq!(routes, ["sum", "7", r#"{"cmd":"sum"}"#, r#"{"cmd":"sum","v":2}"#]);
/// ```
#[derive(Clone, PartialEq)]
pub struct Pattern(Value);

impl Pattern {
    /// Returns an object with these members.
    ///
    /// ```
    /// use nest_wire::pattern::Pattern;
    ///
    /// let pattern = Pattern::object([("service", "math"), ("cmd", "sum")]);
    /// assert_eq!(pattern.to_json(), r#"{"service":"math","cmd":"sum"}"#);
    /// ```
    pub fn object<K: Into<JsString>, V: Into<Value>>(members: impl IntoIterator<Item = (K, V)>) -> Self {
        Self(Value::Object(members.into_iter().collect::<Object>()))
    }

    /// Returns the pattern with this JSON text.
    ///
    /// ```
    /// use nest_wire::pattern::Pattern;
    ///
    /// assert_eq!(Pattern::from_json(r#"{"cmd":"sum"}"#)?, Pattern::object([("cmd", "sum")]));
    /// assert_eq!(Pattern::from_json(r#""sum""#)?, Pattern::from("sum"));
    /// # Ok::<(), nest_wire::json::ParseError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`json::parse`].
    pub fn from_json(text: &str) -> Result<Self, json::ParseError> {
        json::parse(text).map(Self)
    }

    /// Returns the route under which this pattern's handlers are registered, and which its events
    /// carry on the wire.
    #[must_use]
    pub fn route(&self, compat: Compat) -> Route<'static> {
        route_of(&self.0, compat)
    }

    /// Returns the JSON text that a request carries: the pattern unchanged, with its keys unsorted
    /// (except integer-like keys, which JavaScript's objects list first).
    #[must_use]
    pub fn to_json(&self) -> String {
        self.0.stringify()
    }

    /// Returns this pattern with a prefix: two texts are joined with a dot, two objects are merged.
    /// Returns `None` if the patterns are not both texts and not both objects, or have a key in
    /// common.
    pub(crate) fn under(&self, prefix: &Self) -> Option<Self> {
        match (&prefix.0, &self.0) {
            (Value::String(prefix), Value::String(text)) => {
                Some(Self::from(format!("{}.{}", prefix.as_str()?, text.as_str()?)))
            }
            (Value::Object(prefix), Value::Object(object)) => {
                let members: Object = prefix
                    .iter()
                    .chain(object)
                    .map(|(key, value)| (key.clone(), value.clone()))
                    .collect();
                (members.len() == prefix.len() + object.len()).then(|| Self(Value::Object(members)))
            }
            _ => None,
        }
    }

    /// Returns the pattern as a value.
    #[must_use]
    pub fn value(&self) -> &Value {
        &self.0
    }
}

impl<T: Into<Value>> From<T> for Pattern {
    fn from(value: T) -> Self {
        Self(value.into())
    }
}

/// Writes a string unchanged, and any other pattern as JSON text.
impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Value::String(text) => fmt::Display::fmt(text, f),
            value => fmt::Display::fmt(value, f),
        }
    }
}

/// Writes the pattern as JSON text.
impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Pattern").field(&self.0).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_carries_the_pattern_as_it_was_given() {
        let pattern = Pattern::from_json(r#"{"b": 1.0, "a": "x", "1": null}"#).expect("JSON");
        assert_eq!(pattern.to_json(), r#"{"1":null,"b":1,"a":"x"}"#);
        let pattern = Pattern::object([("b", 1.0), ("a", -0.0)]);
        assert_eq!(pattern.to_json(), r#"{"b":1,"a":0}"#);
        assert_eq!(Pattern::from("a\"b").to_json(), r#""a\"b""#);
        assert_eq!(Pattern::from(u64::MAX).to_json(), "18446744073709552000");
        assert_eq!(Pattern::from(f64::NAN).to_json(), "null");
    }

    #[test]
    fn display_is_what_a_log_should_say() {
        assert_eq!(Pattern::from("sum").to_string(), "sum");
        assert_eq!(Pattern::object([("cmd", "sum")]).to_string(), r#"{"cmd":"sum"}"#);
        assert_eq!(format!("{:?}", Pattern::from("sum")), r#"Pattern("sum")"#);
    }

    #[test]
    fn a_pattern_goes_under_one_of_its_kind() {
        let under = |pattern: Pattern, prefix: Pattern| pattern.under(&prefix).map(|it| it.to_json());
        assert_eq!(under("find".into(), "users".into()).as_deref(), Some("\"users.find\""));
        let (cmd, service) = (Pattern::object([("cmd", 1)]), Pattern::object([("service", 2)]));
        assert_eq!(under(cmd.clone(), service).as_deref(), Some(r#"{"service":2,"cmd":1}"#));
        assert_eq!(under(cmd.clone(), cmd.clone()), None, "a key in common");
        assert_eq!(under(cmd, "users".into()), None);
        assert_eq!(under(7.into(), "users".into()), None);
    }

    #[test]
    fn patterns_are_equal_whatever_the_order_of_their_keys() {
        let one = Pattern::object([("a", 1), ("b", 2)]);
        assert_eq!(one, Pattern::object([("b", 2), ("a", 1)]));
        assert_ne!(one, Pattern::object([("a", 1)]));
    }
}
