//! Walking through the members of a packet as JavaScript would find them after `JSON.parse`.

use std::fmt;

use memchr::memchr;
use serde::{
    Deserialize,
    de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, Visitor},
};
use serde_json::value::RawValue;

use super::PacketError;
use crate::js;

/// Calls `visit` with each member of the object `text`, in order, under the name that `classify` gives its key. A key
/// that comes twice is visited twice, so that the last value wins where `visit` assigns. Any other JSON value has no
/// members: `(5).pattern` is undefined.
///
/// Keys come without their escapes, as UTF-8, with U+FFFD for lone surrogates.
///
/// # Errors
/// `text` is not JSON.
pub(super) fn walk<'a, K>(
    text: &'a str,
    classify: fn(&[u8]) -> K,
    visit: impl FnMut(K, &'a RawValue),
) -> Result<(), PacketError> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let walked = if is_object(text) {
        (&mut deserializer).deserialize_map(Members { classify, visit })
    } else {
        (&mut deserializer).deserialize_ignored_any(IgnoredAny).map(drop)
    };
    walked
        .and_then(|()| deserializer.end())
        .map_err(|source| PacketError::new(text, source))
}

/// Whether the JSON in `text` is an object, going by its first byte.
fn is_object(text: &str) -> bool {
    text.trim_ascii_start().starts_with('{')
}

struct Members<K, F> {
    classify: fn(&[u8]) -> K,
    visit: F,
}

impl<'de, K, F: FnMut(K, &'de RawValue)> Visitor<'de> for Members<K, F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key_seed(Key(self.classify))? {
            (self.visit)(key, map.next_value()?);
        }
        Ok(())
    }
}

/// Reads a key as it stands there, and then undoes its escapes. As text, serde_json would refuse `"\ud800"`, which
/// JavaScript takes; as bytes, it would take control characters, which JavaScript refuses.
struct Key<K>(fn(&[u8]) -> K);

impl<'de, K> DeserializeSeed<'de> for Key<K> {
    type Value = K;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<K, D::Error> {
        let quoted = <&RawValue>::deserialize(deserializer)?.get();
        if memchr(b'\\', quoted.as_bytes()).is_none() {
            return Ok((self.0)(quoted.trim_matches('"').as_bytes()));
        }
        // A lone surrogate becomes U+FFFD here, which no key that we look for has either.
        match js::parse(quoted).map_err(D::Error::custom)? {
            js::Value::String(key) => Ok((self.0)(key.to_string_lossy().as_bytes())),
            _ => Err(D::Error::custom("a key is a string")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn members(text: &str) -> Vec<(Vec<u8>, &str)> {
        let mut found = Vec::new();
        walk(text, <[u8]>::to_vec, |key, value| found.push((key, value.get()))).expect("JSON");
        found
    }

    #[test]
    fn every_member_is_visited_in_order_even_twice() {
        assert_eq!(
            members(r#" {"a":1,"b" : [2, 3],"a":{"c":null}} "#),
            [
                (b"a".to_vec(), "1"),
                (b"b".to_vec(), "[2, 3]"),
                (b"a".to_vec(), r#"{"c":null}"#)
            ]
        );
    }

    #[test]
    fn keys_are_unescaped_and_may_hold_lone_surrogates() {
        assert_eq!(members(r#"{"\u0069d":1}"#), [(b"id".to_vec(), "1")]);
        assert_eq!(members(r#"{"\ud800":1}"#).len(), 1);
        assert_eq!(members(r#"{"x":"\ud800"}"#), [(b"x".to_vec(), r#""\ud800""#)]);
    }

    #[test]
    fn other_values_have_no_members() {
        for text in ["5", "[1,2]", "\"text\"", "true"] {
            assert_eq!(members(text), []);
        }
    }

    #[test]
    fn what_is_not_json_is_refused() {
        for text in [
            "",
            "{",
            "{\"a\":1}}",
            "[1,]",
            "nul",
            "{\"a\":01}",
            "\u{feff}{}",
            "{'a':1}",
            "{\"\u{1f}\":1}",
            "{\"\n\\n\":1}",
            "{\"\\u12g4\":1}",
        ] {
            assert!(walk(text, |_| (), |(), _| ()).is_err(), "{text}");
        }
    }
}
