//! JSON pointers (RFC 6901) with `*` for any member or item: what `--mask` and `--ignore` name.

use std::{fmt, ops::Range, str::FromStr};

use nest_wire::json::Value;
use serde::{
    Deserializer,
    de::{IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::value::RawValue;

/// A path into a JSON text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pointer {
    text: String,
    steps: Vec<String>,
}

/// Why a text is no pointer.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PointerError {
    #[error("a pointer begins with /")]
    NoSlash,
}

impl FromStr for Pointer {
    type Err = PointerError;

    fn from_str(text: &str) -> Result<Self, PointerError> {
        let steps = text.strip_prefix('/').ok_or(PointerError::NoSlash)?;
        Ok(Self {
            text: text.to_owned(),
            steps: steps
                .split('/')
                .map(|step| step.replace("~1", "/").replace("~0", "~"))
                .collect(),
        })
    }
}

impl fmt::Display for Pointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Pointer {
    /// Reads a pointer to one value. The empty one is the whole value.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        match text {
            "" => Ok(Self {
                text: String::new(),
                steps: Vec::new(),
            }),
            _ => text.parse().map_err(|error| format!("{text}: {error}")),
        }
    }

    /// Returns the value that this points to, or `None` if there is none. `*` is a key here.
    pub(crate) fn of<'v>(&self, value: &'v Value) -> Option<&'v Value> {
        self.steps.iter().try_fold(value, |value, step| match value {
            Value::Object(members) => members.get(step.as_str()),
            Value::Array(elements) => elements.get(index(step)?),
            _ => None,
        })
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns true if it names the place with these steps, or one that contains it.
    pub(crate) fn covers(&self, path: &[impl AsRef<str>]) -> bool {
        path.len() >= self.steps.len()
            && self
                .steps
                .iter()
                .zip(path)
                .all(|(step, key)| step == "*" || step == key.as_ref())
    }

    /// Returns where the values that it names stand in a JSON text, in the order of the text. Of
    /// equal keys, all count. `None` if the text is not JSON.
    pub(crate) fn find(&self, json: &str) -> Option<Vec<Range<usize>>> {
        let mut found = Vec::new();
        let root = json.trim_start();
        let offset = json.len() - root.len();
        let value: &RawValue = serde_json::from_str(json).ok()?;
        collect(value.get(), offset, &self.steps, &mut found)?;
        Some(found)
    }
}

/// Returns a JSON text with this text in place of all values that the pointers name.
pub(crate) fn replaced<'p>(mut json: String, pointers: impl IntoIterator<Item = &'p Pointer>, with: &str) -> String {
    for pointer in pointers {
        // From the end, so that places stay right.
        for place in pointer.find(&json).unwrap_or_default().into_iter().rev() {
            json.replace_range(place, with);
        }
    }
    json
}

/// Returns the index that a step spells: digits without a leading zero.
fn index(step: &str) -> Option<usize> {
    let is_index = step == "0" || !step.starts_with(['0', '+']);
    is_index.then(|| step.parse().ok()).flatten()
}

/// Adds the ranges of the values that `steps` lead to, from a value that stands at `offset`.
fn collect(value: &str, offset: usize, steps: &[String], found: &mut Vec<Range<usize>>) -> Option<()> {
    let Some((step, rest)) = steps.split_first() else {
        found.push(offset..offset + value.len());
        return Some(());
    };
    let mut inner = Ok(());
    let walk = Walk {
        text: value,
        see: |key: &str, child: Range<usize>| {
            if step == "*" || step == key {
                let text = &value[child.clone()];
                inner = inner.and_then(|()| collect(text, offset + child.start, rest, found).ok_or(()));
            }
        },
    };
    let mut reader = serde_json::Deserializer::from_str(value);
    let walked = match value.as_bytes().first() {
        Some(b'{') => reader.deserialize_map(walk),
        Some(b'[') => reader.deserialize_seq(walk),
        _ => return Some(()),
    };
    walked.ok().and(inner.ok())
}

/// Calls `see` with each key, or index, of a value and where its value stands in `text`.
struct Walk<'t, F> {
    text: &'t str,
    see: F,
}

impl<F> Walk<'_, F> {
    fn place(&self, part: &RawValue) -> Range<usize> {
        let start = part.get().as_ptr() as usize - self.text.as_ptr() as usize;
        start..start + part.get().len()
    }
}

impl<'t, F: FnMut(&str, Range<usize>)> Visitor<'t> for Walk<'t, F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object or an array")
    }

    fn visit_map<A: MapAccess<'t>>(mut self, mut map: A) -> Result<(), A::Error> {
        // Keys as they stand: one may hold half a surrogate pair, which Rust's strings cannot.
        while let Some((key, value)) = map.next_entry::<&RawValue, &RawValue>()? {
            let key = nest_wire::json::parse(key.get()).ok();
            let key = key.as_ref().and_then(|key| key.as_str()).unwrap_or_default().to_owned();
            let place = self.place(value);
            (self.see)(&key, place);
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'t>>(mut self, mut items: A) -> Result<(), A::Error> {
        let mut index = 0;
        while let Some(value) = items.next_element::<&RawValue>()? {
            let place = self.place(value);
            (self.see)(&index.to_string(), place);
            index += 1;
        }
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found<'t>(pointer: &str, json: &'t str) -> Vec<&'t str> {
        let pointer: Pointer = pointer.parse().expect("a pointer");
        let places = pointer.find(json).expect("JSON");
        places.into_iter().map(|place| &json[place]).collect()
    }

    #[test]
    fn values_are_found_wherever_they_stand() {
        let json = r#" {"data" : {"password":"求", "list":[{"token":1},{"token":[2]},3]}, "a/b~":{"":4}} "#;
        assert_eq!(found("/data/password", json), [r#""求""#]);
        assert_eq!(found("/data/list/*/token", json), ["1", "[2]"]);
        assert_eq!(found("/data/list/2", json), ["3"]);
        assert_eq!(found("/a~1b~0/", json), ["4"]);
        assert_eq!(found("/*/password", json), [r#""求""#]);
        assert_eq!(found("/data/nothing", json), [""; 0]);
        assert_eq!(found("/data/password/deeper", json), [""; 0]);
    }

    #[test]
    fn all_of_equal_keys_and_every_spelling_of_a_key_are_found() {
        let json = r#"{"a":1,"\u0061":2,"\ud800":3,"a":"\ud800"}"#;
        assert_eq!(found("/a", json), ["1", "2", "\"\\ud800\""]);
        assert_eq!(found("/*", json).len(), 4);
    }

    #[test]
    fn depth_is_no_matter() {
        let json = format!("{{\"data\":{}1{}}}", "[".repeat(100_000), "]".repeat(100_000));
        assert_eq!(found("/data", &json)[0].len(), 200_001);
    }

    #[test]
    fn a_text_that_is_not_json_has_no_values() {
        let pointer: Pointer = "/a".parse().expect("a pointer");
        assert_eq!(pointer.find("{\"a\":1"), None);
        assert_eq!("a".parse::<Pointer>(), Err(PointerError::NoSlash));
    }

    #[test]
    fn a_pointer_covers_what_is_below_it() {
        let pointer: Pointer = "/response/*/at".parse().expect("a pointer");
        assert!(pointer.covers(&["response", "0", "at"]));
        assert!(pointer.covers(&["response", "0", "at", "seconds"]));
        assert!(!pointer.covers(&["response", "0"]));
        assert!(!pointer.covers(&["response", "0", "to"]));
    }

    #[test]
    fn values_are_found_as_the_rfc_has_it() {
        let value = nest_wire::json::parse(r#"{"a":[1,{"b":2}],"a/b":3,"m~n":4,"":5,"0":6}"#).expect("JSON");
        for (pointer, expected) in [
            ("/a/0", Some("1")),
            ("/a/1/b", Some("2")),
            ("/a~1b", Some("3")),
            ("/m~0n", Some("4")),
            ("/", Some("5")),
            ("/0", Some("6")),
            ("/a/2", None),
            ("/a/01", None),
            ("/a/b", None),
            ("/a/0/x", None),
            ("/x", None),
        ] {
            let pointer = Pointer::parse(pointer).expect("a pointer");
            let found = pointer.of(&value).map(ToString::to_string);
            assert_eq!(found.as_deref(), expected, "{}", pointer.as_str());
        }
        assert_eq!(Pointer::parse("").expect("a pointer").of(&value), Some(&value));
    }

    #[test]
    fn a_pointer_begins_with_a_slash() {
        assert_eq!(
            Pointer::parse("response/at"),
            Err("response/at: a pointer begins with /".to_owned())
        );
    }
}
