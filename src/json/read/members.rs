//! The members of an object, one after the other, their values left as text.

use super::{
    error::ParseError,
    grammar::skip,
    token::{ScanResult, Spelling, delimiter, space, string},
    unescape::unescaped,
};

/// A key as most packets spell it, with quotes and colon and no white space: `"id":`.
#[derive(Debug)]
pub(crate) struct ExpectedKey {
    name: &'static str,
    /// Its spelling, in the lowest `length` bytes, and which those are.
    spelled: u128,
    mask: u128,
    length: usize,
}

impl ExpectedKey {
    /// `name` is ASCII of 13 bytes at most.
    pub(crate) const fn new(name: &'static str) -> Self {
        let length = name.len() + 3;
        let mut spelled = [0; size_of::<u128>()];
        (spelled[0], spelled[length - 2], spelled[length - 1]) = (b'"', b'"', b':');
        let mut at = 0;
        while at < name.len() {
            spelled[at + 1] = name.as_bytes()[at];
            at += 1;
        }
        Self {
            name,
            spelled: u128::from_le_bytes(spelled),
            mask: u128::MAX >> (u128::BITS as usize - 8 * length),
            length,
        }
    }

    /// Returns true if it is what `text` goes on with: one comparison, whatever its length.
    fn begins(&self, text: u128) -> bool {
        text & self.mask == self.spelled
    }
}

/// What an object has of some members, as text.
#[derive(Debug, PartialEq)]
pub(crate) struct Members<'t, const N: usize> {
    /// The values of those that were asked for, as they stand, however deep. Of equal keys the last
    /// one counts.
    pub(crate) values: [Option<&'t str>; N],
    /// Whether there are others.
    pub(crate) has_others: bool,
}

/// Reads the members of the object `text` with these keys. Any other JSON value has none:
/// `(5).pattern` is undefined.
///
/// Members that come in the order of `keys` are recognised at a glance.
///
/// # Errors
/// As [`parse`](crate::json::parse()), but that no depth is too deep.
#[inline]
pub(crate) fn members<'t, const N: usize>(
    text: &'t str,
    keys: &[ExpectedKey; N],
) -> Result<Members<'t, N>, ParseError> {
    let mut found = Members {
        values: [None; N],
        has_others: false,
    };
    match walk(text, keys, &mut found) {
        Ok(end) if end == text.len() => Ok(found),
        Ok(fault) | Err(fault) => Err(ParseError::at(text, fault)),
    }
}

/// Returns where the value ends that `text` begins with, if it is JSON.
pub(crate) fn value_end(text: &str) -> Option<usize> {
    skip(text.as_bytes(), 0).ok()
}

/// Returns the object `text` without its members named `name` and without its closing brace. The
/// other members stand as they are, without white space between them. A value that is no object has
/// no members.
///
/// # Errors
/// As [`members`].
pub(crate) fn without(text: &str, name: &'static str) -> Result<String, ParseError> {
    let keys = [ExpectedKey::new(name)];
    members(text, &keys)?;
    let mut kept = String::with_capacity(text.len());
    kept.push('{');
    let bytes = text.as_bytes();
    let start = space(bytes, 0);
    let mut next = (bytes.get(start) == Some(&b'{')).then_some(start + 1);
    // The text has just been read, so a member that cannot be read is the end of the object.
    while let Some((index, member, end)) = next.and_then(|at| member(text, space(bytes, at), &keys)) {
        if index != 0 {
            kept.push_str(if kept.len() > 1 { "," } else { "" });
            kept.push_str(member);
        }
        let end = space(bytes, end);
        next = (bytes.get(end) == Some(&b',')).then_some(end + 1);
    }
    Ok(kept)
}

/// Returns which of the keys the member at `at` has, the member's text, and the index after it.
fn member<'t, const N: usize>(text: &'t str, at: usize, keys: &[ExpectedKey; N]) -> Option<(usize, &'t str, usize)> {
    let (index, colon_end) = key(text, at, keys).ok()?;
    let end = skip(text.as_bytes(), space(text.as_bytes(), colon_end)).ok()?;
    Some((index, &text[at..end], end))
}

/// Returns the index after all that could be passed over.
#[inline]
fn walk<'t, const N: usize>(text: &'t str, keys: &[ExpectedKey; N], found: &mut Members<'t, N>) -> ScanResult {
    let bytes = text.as_bytes();
    let mut at = space(bytes, 0);
    if bytes.get(at) != Some(&b'{') {
        return Ok(space(bytes, skip(bytes, at)?));
    }
    at = space(bytes, at + 1);
    if bytes.get(at) != Some(&b'}') {
        let mut next = 0;
        loop {
            let (index, colon_end) = match at_a_glance(bytes, at, keys, next) {
                Some(index) => (index, at + keys[index].length),
                None => key(text, at, keys)?,
            };
            next = index + 1;
            let start = space(bytes, colon_end);
            let end = skip(bytes, start)?;
            match found.values.get_mut(index) {
                Some(value) => *value = Some(&text[start..end]),
                None => found.has_others = true,
            }
            at = space(bytes, end);
            match bytes.get(at) {
                Some(b',') => at = space(bytes, at + 1),
                _ => break,
            }
        }
    }
    Ok(space(bytes, delimiter(bytes, at, b'}')?))
}

/// Returns which of the keys after the first `passed` ones the text goes on with, if that is plain
/// to see.
#[inline]
fn at_a_glance<const N: usize>(text: &[u8], at: usize, keys: &[ExpectedKey; N], passed: usize) -> Option<usize> {
    let glance = u128::from_le_bytes(*text[at..].first_chunk()?);
    (passed..N).find(|&index| keys[index].begins(glance))
}

/// Returns which of the keys comes next, however it is spelled, and the index after its colon. `N`
/// stands for any other.
fn key<const N: usize>(text: &str, at: usize, keys: &[ExpectedKey; N]) -> Result<(usize, usize), usize> {
    let bytes = text.as_bytes();
    let (spelling, end) = string(bytes, at).found()?;
    let colon_end = delimiter(bytes, space(bytes, end), b':')?;
    let index_of = |name: &str| keys.iter().position(|key| key.name == name).unwrap_or(N);
    let index = match spelling {
        Spelling::Plain => index_of(&text[at + 1..end - 1]),
        Spelling::Escaped => index_of(&unescaped(&text[at..end]).to_string_lossy()),
    };
    Ok((index, colon_end))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYS: [ExpectedKey; 3] = [
        ExpectedKey::new("a"),
        ExpectedKey::new("x"),
        ExpectedKey::new("isDisposed"),
    ];

    #[track_caller]
    fn expect(text: &str, values: [Option<&str>; 3], has_others: bool) {
        assert_eq!(members(text, &KEYS).expect("JSON"), Members { values, has_others });
    }

    #[test]
    fn members_are_found_in_any_order() {
        expect(
            r#"{"a":[1],"x":{"a":2},"isDisposed":true}"#,
            [Some("[1]"), Some(r#"{"a":2}"#), Some("true")],
            false,
        );
        expect(
            r#" {"isDisposed" : [2, 3] , "a":{"c":null} } "#,
            [Some(r#"{"c":null}"#), None, Some("[2, 3]")],
            false,
        );
        expect("{ }", [None; 3], false);
    }

    #[test]
    fn of_equal_keys_the_last_counts() {
        expect(r#"{"a":1,"x":2,"a":3}"#, [Some("3"), Some("2"), None], false);
    }

    #[test]
    fn an_object_without_a_member_has_the_others_as_they_are() {
        for (text, rest) in [
            (r#"{"a":[1],"x":{"x":2},"b":1.50}"#, r#"{"a":[1],"b":1.50"#),
            (r#" { "x" : 1 , "a" : " , " , "\u0078" : 2 } "#, r#"{"a" : " , ""#),
            (r#"{"a":1,"a":2}"#, r#"{"a":1,"a":2"#),
            (r#"{"x":1}"#, "{"),
            ("{ }", "{"),
            (r#"[{"a":1}]"#, "{"),
            ("5", "{"),
            (r#""{""#, "{"),
        ] {
            assert_eq!(without(text, "x").expect("JSON"), rest, "{text}");
        }
        assert!(without(r#"{"a":1"#, "x").is_err());
    }

    #[test]
    fn other_members_are_noticed() {
        expect(r#"{"a":1,"b":2}"#, [Some("1"), None, None], true);
        expect(
            r#"{"x":1,"isDisposedOf":2,"isDispose":3}"#,
            [None, Some("1"), None],
            true,
        );
    }

    #[test]
    fn keys_are_unescaped_and_may_hold_lone_surrogates() {
        expect(r#"{"\u0061":1}"#, [Some("1"), None, None], false);
        expect(r#"{"\ud800":1}"#, [None; 3], true);
        expect(r#"{"x":"\ud800"}"#, [None, Some(r#""\ud800""#), None], false);
    }

    #[test]
    fn other_values_have_no_members() {
        for text in ["5", "[1,2]", "\"text\"", " true\n"] {
            expect(text, [None; 3], false);
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
            assert!(members(text, &KEYS).is_err(), "{text}");
        }
    }
}
