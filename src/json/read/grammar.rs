//! The grammar of JSON (ECMA-404), written once: every reader of a whole value uses it.
//!
//! The scanner checks a text and reports its parts to a [`Sink`]. One sink builds a
//! [`Value`](crate::json::Value), one looks for what `serde_json` refuses, and [`skip`] has one
//! that does nothing.
//!
//! Every packet goes through here, so the functions work on plain indices, which stay in registers.

use std::ops::Range;

use super::token::{ScanResult, Spelling, byte, delimiter, number_or_word, space, string};
use crate::json::nesting::Brackets;

/// Receives the parts of a text in their order, and what it makes of them is its own.
///
/// A part is the range of its bytes, in which a string has its quotes. Parts are valid when they
/// are reported, but a fault may come after them.
pub(super) trait Sink {
    /// Receives the beginning of an array or an object.
    ///
    /// # Errors
    /// The bracket is a fault, and the scan ends at it.
    fn open(&mut self, is_object: bool) -> Result<(), TooDeep>;

    /// Receives a member's key. Its value is next.
    fn key(&mut self, spelling: Spelling, key: Range<usize>);

    /// Receives a string that is a value.
    fn string(&mut self, spelling: Spelling, string: Range<usize>);

    /// Receives a number, `true`, `false` or `null`.
    fn number_or_word(&mut self, value: Range<usize>);

    /// Receives the end of the innermost array or object that is open.
    fn close(&mut self);
}

/// A sink refuses an array or an object, because too many are open already.
pub(super) struct TooDeep;

/// Scans a text that is one value, with white space around it.
///
/// # Errors
/// Returns the index of the first byte that has no place there.
pub(super) fn text<S: Sink>(text: &str, sink: &mut S) -> Result<(), usize> {
    let bytes = text.as_bytes();
    match space(bytes, value(bytes, space(bytes, 0), sink)?) {
        end if end == bytes.len() => Ok(()),
        fault => Err(fault),
    }
}

/// Passes over any value, however deep it is nested.
#[inline]
pub(super) fn skip(text: &[u8], at: usize) -> ScanResult {
    value(text, at, &mut Nothing)
}

#[inline]
fn value<S: Sink>(text: &[u8], at: usize, sink: &mut S) -> ScanResult {
    match byte(text, at) {
        b'"' => string_value(text, at, sink),
        b'[' | b'{' => container(text, at, sink),
        _ => plain_value(text, at, sink),
    }
}

#[inline]
fn string_value<S: Sink>(text: &[u8], at: usize, sink: &mut S) -> ScanResult {
    let (spelling, end) = string(text, at).found()?;
    sink.string(spelling, at..end);
    Ok(end)
}

#[inline]
fn plain_value<S: Sink>(text: &[u8], at: usize, sink: &mut S) -> ScanResult {
    let end = number_or_word(text, at)?;
    sink.number_or_word(at..end);
    Ok(end)
}

/// Scans an array or an object.
#[inline(never)]
fn container<S: Sink>(text: &[u8], mut at: usize, sink: &mut S) -> ScanResult {
    let mut open = Brackets::default();
    loop {
        // A value begins here.
        match byte(text, at) {
            bracket @ (b'[' | b'{') => {
                let is_object = bracket == b'{';
                sink.open(is_object).map_err(|TooDeep| at)?;
                open.push(is_object);
                at = space(text, at + 1);
                // In ASCII, each bracket's counterpart stands two places after it.
                if byte(text, at) != bracket + 2 {
                    at = begin(text, at, is_object, sink)?;
                    continue;
                }
            }
            b'"' => at = string_value(text, at, sink)?,
            _ => at = plain_value(text, at, sink)?,
        }
        // The value is complete, or its closing bracket is next. The containers around it may be
        // complete as well.
        loop {
            at = space(text, at);
            let in_object = open.innermost_is_curly();
            match (byte(text, at), in_object) {
                (b',', _) => {
                    at = begin(text, space(text, at + 1), in_object, sink)?;
                    break;
                }
                (b']', false) | (b'}', true) => open.pop(),
                _ => return Err(at),
            }
            sink.close();
            at += 1;
            if open.is_empty() {
                return Ok(at);
            }
        }
    }
}

/// Scans what precedes the value of an element or a member: nothing, or a key and a colon.
#[inline]
fn begin<S: Sink>(text: &[u8], at: usize, in_object: bool, sink: &mut S) -> ScanResult {
    if !in_object {
        return Ok(at);
    }
    let (spelling, end) = string(text, at).found()?;
    sink.key(spelling, at..end);
    Ok(space(text, delimiter(text, space(text, end), b':')?))
}

/// The sink of [`skip`].
struct Nothing;

impl Sink for Nothing {
    #[inline]
    fn open(&mut self, _: bool) -> Result<(), TooDeep> {
        Ok(())
    }

    #[inline]
    fn key(&mut self, _: Spelling, _: Range<usize>) {}

    #[inline]
    fn string(&mut self, _: Spelling, _: Range<usize>) {}

    #[inline]
    fn number_or_word(&mut self, _: Range<usize>) {}

    #[inline]
    fn close(&mut self) {}
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::value::RawValue;

    use super::*;
    use crate::json::{ParseError, parse};

    fn check(json: &str) -> Result<(), ParseError> {
        text(json, &mut Nothing).map_err(|fault| ParseError::at(json, fault))
    }

    #[test]
    fn a_bracket_is_closed_by_its_own_kind() {
        for (text, fault) in [("[1}", 2), ("{\"a\":1]", 6), ("[[]}", 3), ("[{\"a\":[}]]", 7)] {
            let found = text[fault..].chars().next().expect("a character");
            assert_eq!(
                check(text),
                Err(ParseError::Unexpected { found, offset: fault }),
                "{text}"
            );
        }
    }

    #[test]
    fn a_million_levels_are_passed_over() {
        let deep = format!("{}{}", "[{\"a\":".repeat(500_000), "1");
        assert_eq!(check(&deep), Err(ParseError::UnexpectedEnd { offset: deep.len() }));
        assert_eq!(check(&format!("{deep}{}", "}]".repeat(500_000))), Ok(()));
    }

    #[test]
    fn a_sink_receives_the_parts_in_order() {
        let text = r#" {"a" : [ 1, {}],"b":"\n" } "#;
        let mut parts = Parts { text, seen: Vec::new() };
        super::text(text, &mut parts).expect("JSON");
        assert_eq!(
            parts.seen,
            ["{", "\"a\":", "[", "1", "{", "end", "end", "\"b\":", "\"\\n\"", "end"]
        );
    }

    struct Parts<'t> {
        text: &'t str,
        seen: Vec<String>,
    }

    impl Sink for Parts<'_> {
        fn open(&mut self, is_object: bool) -> Result<(), TooDeep> {
            self.seen.push(if is_object { "{" } else { "[" }.to_owned());
            Ok(())
        }

        fn key(&mut self, _: Spelling, key: Range<usize>) {
            self.seen.push(format!("{}:", &self.text[key]));
        }

        fn string(&mut self, _: Spelling, string: Range<usize>) {
            self.seen.push(self.text[string].to_owned());
        }

        fn number_or_word(&mut self, value: Range<usize>) {
            self.seen.push(self.text[value].to_owned());
        }

        fn close(&mut self) {
            self.seen.push("end".to_owned());
        }
    }

    proptest! {
        #[test]
        fn what_is_passed_over_is_what_can_be_parsed(text in r#"[\[\]{}",:\\ 0-9.eE+\-tfnrualse\n]{0,24}"#) {
            let check = check(&text);
            prop_assert_eq!(check.is_ok(), serde_json::from_str::<&RawValue>(&text).is_ok());
            prop_assert_eq!(check, parse(&text).map(drop));
        }

        #[test]
        fn so_is_what_is_almost_json(
            json in r#"(\{"a": ?(\[1,-2.5e3, null\]|\{"b":\{\}\}),"é\\u00e9":"x\\n"\}| \[\[\],true,"求😀",0\] )"#,
            at in 0..40_usize,
            other in r#"[\[\]{}",:\\ 0a]?"#,
        ) {
            let mut text: Vec<char> = json.chars().collect();
            let at = at % text.len();
            text.splice(at..=at, other.chars());
            let text: String = text.into_iter().collect();
            let check = check(&text);
            prop_assert_eq!(check.is_ok(), serde_json::from_str::<&RawValue>(&text).is_ok());
            prop_assert_eq!(check, parse(&text).map(drop));
        }
    }
}
