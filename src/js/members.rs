//! The members of an object, one after the other, their values left as text.

use std::borrow::Cow;

use super::parse::ParseError;
use super::pass::{self, Passed};
use super::reader::Reader;

/// Calls `visit` with the key and the text of each member of the object `text`, in order, those of equal keys too. Any
/// other JSON value has no members: `(5).pattern` is undefined.
///
/// Keys come without their escapes, with U+FFFD for lone surrogates; values as they stand, however deep. A key that is
/// the next one of `usual`, spelled with quotes and colon as in `"id":`, is recognised at a glance.
///
/// # Errors
/// As [`parse`](super::parse), but that no depth is too deep. By then `visit` may have been called.
pub(crate) fn for_each_member<'t>(
    text: &'t str,
    usual: &[&str],
    mut visit: impl FnMut(&str, &'t str),
) -> Result<(), ParseError> {
    match walk(text, usual, &mut visit) {
        Ok(end) if end == text.len() => Ok(()),
        Ok(fault) | Err(fault) => Err(ParseError::at(text, fault)),
    }
}

/// Where the value ends that `text` begins with, if it is JSON.
pub(crate) fn value_end(text: &str) -> Option<usize> {
    pass::value(text.as_bytes(), 0).ok()
}

/// The index after all that could be passed over.
fn walk<'t>(text: &'t str, usual: &[&str], visit: &mut impl FnMut(&str, &'t str)) -> Passed {
    let bytes = text.as_bytes();
    let mut usual = usual.iter();
    let mut at = pass::space(bytes, 0);
    if bytes.get(at) != Some(&b'{') {
        return Ok(pass::space(bytes, pass::value(bytes, at)?));
    }
    at = pass::space(bytes, at + 1);
    if bytes.get(at) != Some(&b'}') {
        loop {
            let (name, colon_end) = match usual.find(|key| bytes[at..].starts_with(key.as_bytes())) {
                Some(key) => (Cow::Borrowed(&key[1..key.len() - 2]), at + key.len()),
                None => key(text, at)?,
            };
            let start = pass::space(bytes, colon_end);
            let end = pass::value(bytes, start)?;
            visit(&name, &text[start..end]);
            at = pass::space(bytes, end);
            match bytes.get(at) {
                Some(b',') => at = pass::space(bytes, at + 1),
                _ => break,
            }
        }
    }
    Ok(pass::space(bytes, pass::delimiter(bytes, at, b'}')?))
}

/// Any key, and the index after its colon.
fn key(text: &str, at: usize) -> Result<(Cow<'_, str>, usize), usize> {
    let bytes = text.as_bytes();
    let end = pass::string(bytes, at)?;
    let colon_end = pass::delimiter(bytes, pass::space(bytes, end), b':')?;
    let is_plain = pass::plain(bytes, at + 1) == end - 1;
    let name = if is_plain {
        Cow::Borrowed(&text[at + 1..end - 1])
    } else {
        let name = Reader::new(&text[at..end]).string().unwrap_or_default();
        Cow::Owned(name.to_string_lossy().into_owned())
    };
    Ok((name, colon_end))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn members(text: &str) -> Vec<(String, &str)> {
        let mut found = Vec::new();
        for_each_member(text, &[], |key, value| found.push((key.to_owned(), value))).expect("JSON");
        let mut at_a_glance = Vec::new();
        for_each_member(text, &["\"a\":", "\"x\":", "\"b\":"], |key, value| {
            at_a_glance.push((key.to_owned(), value));
        })
        .expect("JSON");
        assert_eq!(found, at_a_glance);
        found
    }

    fn of<const N: usize>(members: [(&str, &'static str); N]) -> Vec<(String, &'static str)> {
        members.map(|(key, value)| (key.to_owned(), value)).into()
    }

    #[test]
    fn every_member_is_visited_in_order_even_twice() {
        assert_eq!(
            members(r#" {"a":1,"b" : [2, 3] , "a":{"c":null}} "#),
            of([("a", "1"), ("b", "[2, 3]"), ("a", r#"{"c":null}"#)])
        );
        assert_eq!(members("{ }"), []);
    }

    #[test]
    fn keys_are_unescaped_and_may_hold_lone_surrogates() {
        assert_eq!(members(r#"{"\u0069d":1}"#), of([("id", "1")]));
        assert_eq!(members(r#"{"\ud800":1}"#), of([("\u{fffd}", "1")]));
        assert_eq!(members(r#"{"x":"\ud800"}"#), of([("x", r#""\ud800""#)]));
    }

    #[test]
    fn other_values_have_no_members() {
        for text in ["5", "[1,2]", "\"text\"", " true\n"] {
            assert_eq!(members(text), []);
        }
    }

    #[test]
    fn what_is_not_json_is_refused() {
        for text in [
            "",
            "{",
            "{\"a\":1}}",
            "{\"a\":1,}",
            "{\"a\":1 \"b\":2}",
            "{\"a\":1;\"b\":2}",
            "{\"a\" 1}",
            "{,}",
            "[1,]",
            "nul",
            "{\"a\":01}",
            "\u{feff}{}",
            "{'a':1}",
            "{\"\u{1f}\":1}",
            "{\"\n\\n\":1}",
            "{\"\\u12g4\":1}",
        ] {
            assert!(for_each_member(text, &["\"a\":"], |_, _| ()).is_err(), "{text}");
        }
    }
}
