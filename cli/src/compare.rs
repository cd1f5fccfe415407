//! Compares two replies: which fields differ, and how.

use std::borrow::Cow;

use nest_wire::json::{self, Iter, JsString, Object, Value};
use regex::Regex;

use crate::pointer::{Pointer, replaced};

/// Maximum number of differences that are listed of one reply, if nothing else was asked for.
const MAX_LISTED: usize = 20;

/// How replies are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(crate) enum How {
    /// Byte for byte, ids apart
    Bytes,
    /// By value: the order of keys and the spelling of numbers are no matter
    #[default]
    Json,
}

/// What is compared, and what is not.
#[derive(Debug)]
pub(crate) struct Comparison {
    pub(crate) how: How,
    ignored: Vec<(Pointer, bool)>,
    /// Texts that match one of these are equal to each other.
    kinds: Vec<Regex>,
    max_listed: usize,
}

/// A field that differs.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Difference {
    /// A JSON pointer into the packet; empty for the packet itself.
    pub(crate) pointer: String,
    /// The value as JSON, or `(absent)`.
    pub(crate) recorded: String,
    pub(crate) came: String,
}

const ABSENT: &str = "(absent)";

impl Comparison {
    pub(crate) fn new(how: How, ignored: Vec<Pointer>, kinds: Vec<Regex>) -> Self {
        Self {
            how,
            ignored: ignored.into_iter().map(|pointer| (pointer, false)).collect(),
            kinds,
            max_listed: MAX_LISTED,
        }
    }

    /// Lists this number of differences of one reply at most.
    pub(crate) fn listing(mut self, max: usize) -> Self {
        self.max_listed = max;
        self
    }

    /// Ignores members that were masked in the recording: they may be absent from all replies.
    pub(crate) fn mask(mut self, masked: Vec<Pointer>) -> Self {
        self.ignored.extend(masked.into_iter().map(|pointer| (pointer, true)));
        self
    }

    /// Returns the pointers that ignored nothing so far.
    pub(crate) fn unused(&self) -> impl Iterator<Item = &Pointer> {
        self.ignored
            .iter()
            .filter(|(_, is_used)| !is_used)
            .map(|(pointer, _)| pointer)
    }

    /// Returns how two packets differ, their ids apart; nothing if they are equal.
    pub(crate) fn differences(&mut self, recorded: &str, came: &str) -> Vec<Difference> {
        let texts_differ = |comparison: &Self| match comparison.exact(recorded) == comparison.exact(came) {
            true => Vec::new(),
            false => vec![Difference::of_texts(recorded, came)],
        };
        let by_value = match (json::parse(recorded), json::parse(came)) {
            (Ok(recorded), Ok(came)) => self.by_value(&recorded, &came),
            // Deeper than can be parsed: what is left is the text.
            _ => return texts_differ(self),
        };
        match self.how {
            How::Bytes if by_value.is_empty() && self.kinds.is_empty() => texts_differ(self),
            _ => by_value,
        }
    }

    /// Returns true if the member with this name, of the packet itself, is not compared.
    pub(crate) fn ignores(&mut self, member: &str) -> bool {
        self.is_ignored(&[Cow::from(member)])
    }

    /// Returns what is compared of a text byte for byte: all but the id and what is ignored.
    fn exact(&self, text: &str) -> String {
        let ignored = self.ignored.iter().map(|(pointer, _)| pointer);
        replaced(with_id(text, "0"), ignored, "0")
    }

    /// Walks both values at once, in memory that their depth bounds: they may be large and nested
    /// deeply. Each value is looked at once.
    fn by_value(&mut self, recorded: &Value, came: &Value) -> Vec<Difference> {
        let mut differences = Vec::new();
        let mut open = vec![Children::Root(Some((recorded, came)))];
        // The key of each child that is being looked at. The root's leads nowhere.
        let mut path: Vec<Cow<'_, str>> = Vec::new();
        while let Some(children) = open.last_mut() {
            let Some((key, recorded, came)) = children.next() else {
                open.pop();
                path.pop();
                continue;
            };
            path.push(key);
            if !self.is_ignored(&path[1..]) {
                if let Some(inner) = Children::of(recorded, came) {
                    open.push(inner);
                    continue;
                }
                if recorded != came && !self.is_of_one_kind(recorded, came) {
                    differences.push(Difference::new(&path[1..], recorded, came));
                }
            }
            path.pop();
            if differences.len() >= self.max_listed {
                break;
            }
        }
        differences
    }

    fn is_ignored(&mut self, path: &[Cow<'_, str>]) -> bool {
        if matches!(path, [id] if id == "id") {
            return true;
        }
        let mut is_ignored = false;
        for (pointer, is_used) in &mut self.ignored {
            if pointer.covers(path) {
                *is_used = true;
                is_ignored = true;
            }
        }
        is_ignored
    }

    fn is_of_one_kind(&self, recorded: Option<&Value>, came: Option<&Value>) -> bool {
        let text = |value: Option<&Value>| match value {
            Some(Value::String(text)) => Some(text.to_string_lossy().into_owned()),
            Some(value @ Value::Number(_)) => Some(value.stringify()),
            _ => None,
        };
        let (Some(recorded), Some(came)) = (text(recorded), text(came)) else {
            return false;
        };
        self.kinds
            .iter()
            .any(|kind| kind.is_match(&recorded) && kind.is_match(&came))
    }
}

impl Default for Comparison {
    fn default() -> Self {
        Self::new(How::default(), Vec::new(), Vec::new())
    }
}

type Child<'v> = (Cow<'v, str>, Option<&'v Value>, Option<&'v Value>);

/// The members or elements of two values of one kind, each with its key.
enum Children<'v> {
    /// The values themselves.
    Root(Option<(&'v Value, &'v Value)>),
    Members {
        recorded: &'v Object,
        came: &'v Object,
        /// Those that both may have.
        first: Iter<'v>,
        /// Those among which are new ones.
        then: Iter<'v>,
    },
    Elements {
        recorded: &'v [Value],
        came: &'v [Value],
        index: usize,
    },
}

impl<'v> Children<'v> {
    /// Returns the children of two values, or `None` if they are not of one kind that has such.
    fn of(recorded: Option<&'v Value>, came: Option<&'v Value>) -> Option<Self> {
        match (recorded?, came?) {
            (Value::Object(recorded), Value::Object(came)) => Some(Self::Members {
                recorded,
                came,
                first: recorded.iter(),
                then: came.iter(),
            }),
            (Value::Array(recorded), Value::Array(came)) => Some(Self::Elements {
                recorded,
                came,
                index: 0,
            }),
            _ => None,
        }
    }
}

impl<'v> Iterator for Children<'v> {
    type Item = Child<'v>;

    fn next(&mut self) -> Option<Child<'v>> {
        match self {
            Self::Root(pair) => pair
                .take()
                .map(|(recorded, came)| ("".into(), Some(recorded), Some(came))),
            Self::Members {
                recorded,
                came,
                first,
                then,
            } => {
                if let Some((key, value)) = first.next() {
                    return Some((key.to_string_lossy(), Some(value), member(came, key)));
                }
                let (key, value) = then.find(|(key, _)| member(recorded, key).is_none())?;
                Some((key.to_string_lossy(), None, Some(value)))
            }
            Self::Elements { recorded, came, index } => {
                let at = *index;
                *index += 1;
                let (recorded, came) = (recorded.get(at), came.get(at));
                recorded.or(came)?;
                Some((at.to_string().into(), recorded, came))
            }
        }
    }
}

/// Returns a member by its key, which may hold half a surrogate pair.
fn member<'v>(object: &'v Object, key: &JsString) -> Option<&'v Value> {
    match key.as_str() {
        Some(key) => object.get(key),
        None => object.iter().find(|(other, _)| *other == key).map(|(_, value)| value),
    }
}

impl Difference {
    fn new(path: &[Cow<'_, str>], recorded: Option<&Value>, came: Option<&Value>) -> Self {
        let text = |value: Option<&Value>| value.map_or_else(|| ABSENT.to_owned(), Value::stringify);
        Self {
            pointer: path
                .iter()
                .map(|key| format!("/{}", key.replace('~', "~0").replace('/', "~1")))
                .collect(),
            recorded: text(recorded),
            came: text(came),
        }
    }

    fn of_texts(recorded: &str, came: &str) -> Self {
        Self {
            pointer: String::new(),
            recorded: recorded.to_owned(),
            came: came.to_owned(),
        }
    }
}

/// Returns the text of a packet with another id, written as JSON.
pub(crate) fn with_id(text: &str, id: &str) -> String {
    let pointer: Pointer = "/id".parse().expect("a pointer");
    let mut text = text.to_owned();
    // Of equal keys the last one counts.
    if let Some(place) = pointer.find(&text).and_then(|mut places| places.pop()) {
        text.replace_range(place, id);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pointers(texts: &[&str]) -> Vec<Pointer> {
        texts.iter().map(|text| text.parse().expect("a pointer")).collect()
    }

    fn differences(comparison: &mut Comparison, recorded: &str, came: &str) -> Vec<(String, String, String)> {
        let differences = comparison.differences(recorded, came).into_iter();
        differences
            .map(|found| (found.pointer, found.recorded, found.came))
            .collect()
    }

    #[test]
    fn each_field_that_differs_is_named_with_both_values() {
        let recorded = r#"{"response":{"name":"Ada","email":"a@b.c","tags":[1,2]},"isDisposed":true,"id":"1"}"#;
        let came = r#"{"id":"2","isDisposed":true,"response":{"name":"ada","tags":[1.0,3,4]}}"#;
        let found = differences(&mut Comparison::default(), recorded, came);
        let expected = [
            ("/response/name", r#""Ada""#, r#""ada""#),
            ("/response/email", r#""a@b.c""#, "(absent)"),
            ("/response/tags/1", "2", "3"),
            ("/response/tags/2", "(absent)", "4"),
        ];
        let expected =
            expected.map(|(pointer, recorded, came)| (pointer.to_owned(), recorded.to_owned(), came.to_owned()));
        assert_eq!(found, expected);
    }

    #[test]
    fn by_value_the_order_of_keys_and_the_spelling_of_numbers_do_not_matter_and_by_bytes_they_do() {
        let (recorded, came) = (
            r#"{"response":{"a":1,"b":2},"id":"1"}"#,
            r#"{"id":"2","response":{"b":2.0,"a":1}}"#,
        );
        assert_eq!(Comparison::default().differences(recorded, came), []);
        let mut bytes = Comparison::new(How::Bytes, Vec::new(), Vec::new());
        assert_eq!(bytes.differences(recorded, came).len(), 1);
        let same = recorded.replace("\"1\"", "\"2\"");
        assert_eq!(bytes.differences(recorded, &same), []);
    }

    #[test]
    fn what_is_ignored_by_place_or_by_kind_is_no_difference() {
        let (recorded, came) = (
            r#"{"response":{"at":"2026-11-25T17:54:19Z","n":1},"id":1}"#,
            r#"{"response":{"at":"2027-01-01T00:00:00Z","n":2},"id":1}"#,
        );
        let mut by_place = Comparison::new(How::Json, pointers(&["/response/at", "/response/*/x"]), Vec::new());
        assert_eq!(differences(&mut by_place, recorded, came).len(), 1);
        assert_eq!(
            by_place.unused().map(ToString::to_string).collect::<Vec<_>>(),
            ["/response/*/x"]
        );
        let date = Regex::new(r"^\d{4}-\d\d-\d\dT").expect("a regular expression");
        let mut by_kind = Comparison::new(How::Json, pointers(&["/response/n"]), vec![date]);
        assert_eq!(by_kind.differences(recorded, came), []);
    }

    #[test]
    fn large_values_are_compared_in_little_memory_and_each_ignored_place_is_used() {
        let text = |last: u32| format!("{{\"response\":[{}{last}],\"at\":1}}", "[1,2],".repeat(200_000));
        let mut comparison = Comparison::new(How::Json, pointers(&["/at"]), Vec::new());
        let found = differences(&mut comparison, &text(1), &text(2));
        assert_eq!(found, [("/response/200000".to_owned(), "1".to_owned(), "2".to_owned())]);
        // Equal, and there all the same.
        assert_eq!(comparison.unused().count(), 0);
    }

    #[test]
    fn a_key_that_no_text_of_rust_can_hold_is_found_on_both_sides() {
        let text = |n: u32| format!("{{\"\\ud800\":1,\"n\":{n}}}");
        let found = differences(&mut Comparison::default(), &text(1), &text(2));
        assert_eq!(found, [("/n".to_owned(), "1".to_owned(), "2".to_owned())]);
    }

    #[test]
    fn depth_is_no_matter() {
        let nested = |inner: &str| format!("{{\"response\":{}{inner}{}}}", "[".repeat(5000), "]".repeat(5000));
        assert_eq!(Comparison::default().differences(&nested("1"), &nested("2")).len(), 1);
        let deeper = |inner: &str| format!("{{\"response\":{}{inner}{}}}", "[".repeat(50_000), "]".repeat(50_000));
        assert_eq!(Comparison::default().differences(&deeper("1"), &deeper("1")), []);
        assert_eq!(Comparison::default().differences(&deeper("1"), &deeper("2")).len(), 1);
    }

    #[test]
    fn an_id_is_replaced_in_its_own_place_alone() {
        let text = r#"{"id" : "x","response":{"id":"x"}}"#;
        assert_eq!(with_id(text, "7"), r#"{"id" : 7,"response":{"id":"x"}}"#);
    }
}
