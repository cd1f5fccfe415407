//! A pattern received in a packet, interpreted as a Nest server does.
//!
//! Nest first converts the pattern to a string (a string is unchanged, any other value is
//! stringified) and then parses that string as JSON *if it can be parsed*. So the string
//! `{"cmd":"sum"}` and the object reach the same handler, the string `1e3` reaches the handler of
//! `1000`, and the string `true` never reaches a handler registered under that string.

use std::borrow::Cow;

use crate::json::{self, JsString, ParseError, Value};

use super::route::Route;
use super::transform::route_of;
use crate::compat::Compat;

/// The text that Nest uses for a pattern that is nested too deeply to be stringified.
const UNSERIALIZABLE_PATTERN: &str = "[UNSERIALIZABLE_PATTERN]";

/// An incoming pattern: the string that a handler's context shows, and the route with which the
/// handler is looked up.
///
/// ```
/// use nest_wire::{Compat, pattern::IncomingPattern};
///
/// let object = IncomingPattern::read(r#"{ "cmd": "sum", "1": 2.0 }"#, Compat::Nest12)?;
/// assert_eq!(object.as_str(), Some(r#"{"1":2,"cmd":"sum"}"#));
///
/// let quoted = IncomingPattern::read(r#""{\"cmd\":\"sum\",\"1\":2}""#, Compat::Nest12)?;
/// assert_eq!(quoted.as_str(), Some(r#"{"cmd":"sum","1":2}"#));
/// assert_eq!(quoted.route(), object.route());
/// # Ok::<(), nest_wire::json::ParseError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IncomingPattern<'a> {
    /// `None` only if the packet had no pattern.
    string: Option<Cow<'a, str>>,
    /// `None` if no handler can be found.
    route: Option<Route<'a>>,
}

impl<'a> IncomingPattern<'a> {
    /// Reads the JSON text of a packet's `pattern`.
    ///
    /// The common case, a string such as `"sum"`, is neither parsed nor copied. A pattern nested
    /// deeper than [`json::MAX_DEPTH`] reads as `[UNSERIALIZABLE_PATTERN]` and has no route; Nest's
    /// limit is some thousand levels lower, where its stack ends.
    ///
    /// # Errors
    ///
    /// Those of [`json::parse`] except [`ParseError::TooDeep`], if the text is not JSON.
    pub fn read(json: &'a str, compat: Compat) -> Result<Self, ParseError> {
        if let Some(text) = plain_string(json) {
            return Ok(Self {
                string: Some(Cow::Borrowed(text)),
                route: Some(Route::text(text)),
            });
        }
        match json::parse(json) {
            Ok(Value::String(text)) => Ok(Self::of_string(text, compat)),
            Ok(value) => Ok(Self::of_value(&value, compat)),
            Err(ParseError::TooDeep { .. }) => Ok(Self {
                string: Some(Cow::Borrowed(UNSERIALIZABLE_PATTERN)),
                route: None,
            }),
            Err(fault) => Err(fault),
        }
    }

    /// Returns the pattern of a packet without `pattern`: no string and no route.
    #[must_use]
    pub fn absent() -> Self {
        Self {
            string: None,
            route: None,
        }
    }

    /// Returns the pattern as a handler's context shows it: the string itself, with U+FFFD for lone
    /// surrogates, or JSON text for any other value. Returns `None` if the packet had no pattern.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        self.string.as_deref()
    }

    /// Returns the route with which the handler is looked up, or `None` if no handler can be found.
    #[must_use]
    pub fn route(&self) -> Option<&Route<'a>> {
        self.route.as_ref()
    }

    fn of_string(text: JsString, compat: Compat) -> Self {
        let string = Some(Cow::Owned(text.to_string_lossy().into_owned()));
        let route = match parseable(&text).map(|text| json::parse(&text)) {
            Some(Ok(value)) => Some(route_of(&value, compat)),
            Some(Err(ParseError::TooDeep { .. })) => None,
            Some(Err(_)) | None => Some(Route::string(text)),
        };
        Self { string, route }
    }

    fn of_value(value: &Value, compat: Compat) -> Self {
        let string = value.stringify();
        // Nest parses this string again. The result differs from the value in one respect: infinity
        // becomes `null`.
        let route = match string.contains("null").then(|| json::parse(&string)) {
            Some(Ok(again)) => route_of(&again, compat),
            _ => route_of(value, compat),
        };
        Self {
            string: Some(Cow::Owned(string)),
            route: Some(route),
        }
    }
}

/// Returns the text between the quotes, if it contains no escapes and can't be JSON itself.
///
/// JSON begins with white space, a quote, a digit, a minus, a bracket, or one of three words (which
/// may be followed by white space, of which only spaces occur unescaped in a string).
fn plain_string(json: &str) -> Option<&str> {
    let text = json.strip_prefix('"')?.strip_suffix('"')?;
    if text.bytes().any(|byte| matches!(byte, b'"' | b'\\' | 0..0x20)) {
        return None;
    }
    let may_be_json = match text.as_bytes().first() {
        Some(b' ' | b'-' | b'0'..=b'9' | b'[' | b'{') => true,
        Some(b't' | b'f' | b'n') => matches!(text.trim_end_matches(' '), "true" | "false" | "null"),
        _ => false,
    };
    (!may_be_json).then_some(text)
}

/// Returns a string as text to parse, or `None` if parsing is known to fail.
///
/// For `JSON.parse` a lone surrogate is a character like any other, which may occur within a
/// string. A `str` can't hold it, but can hold its escape, which has the same meaning there. Only
/// after a backslash the meaning differs, and there the character itself would not be a valid JSON
/// escape.
fn parseable(string: &JsString) -> Option<Cow<'_, str>> {
    if let Some(text) = string.as_str() {
        return Some(Cow::Borrowed(text));
    }
    let mut text = String::new();
    let mut after_backslash = false;
    for character in string.chars() {
        match character {
            Ok(character) => text.push(character),
            Err(_) if after_backslash => return None,
            Err(surrogate) => text.push_str(&format!("\\u{surrogate:04x}")),
        }
        after_backslash = character == Ok('\\') && !after_backslash;
    }
    Some(Cow::Owned(text))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const RULES: Compat = Compat::Nest12;

    fn read(json: &str) -> IncomingPattern<'_> {
        IncomingPattern::read(json, RULES).expect("valid JSON")
    }

    #[test]
    fn a_pattern_takes_its_detour_through_a_string() {
        // The JSON text on the wire, the context's string, the JSON text of the route, as printed
        // by Node 20 with Nest 12.1.1.
        for (json, string, route) in [
            (r#""sum""#, "sum", r#""sum""#),
            (r#""{\"cmd\":\"sum\"}""#, r#"{"cmd":"sum"}"#, r#""{\"cmd\":\"sum\"}""#),
            (r#"{"cmd":"sum"}"#, r#"{"cmd":"sum"}"#, r#""{\"cmd\":\"sum\"}""#),
            (r#""{\"b\":1,\"a\":2}""#, r#"{"b":1,"a":2}"#, r#""{\"a\":2,\"b\":1}""#),
            (r#""[1,\"x\"]""#, r#"[1,"x"]"#, r#""{\"0\":1,\"1\":\"x\"}""#),
            (r#""1e3""#, "1e3", r#""1000""#),
            ("1e3", "1000", r#""1000""#),
            (r#""1.50""#, "1.50", r#""1.5""#),
            (
                r#""12345678901234567890""#,
                "12345678901234567890",
                r#""12345678901234567000""#,
            ),
            (r#"" 1 ""#, " 1 ", r#""1""#),
            (r#""-0""#, "-0", r#""0""#),
            (r#""\"sum\"""#, r#""sum""#, r#""sum""#),
            (r#""true""#, "true", "true"),
            (r#""null  ""#, "null  ", "null"),
            (r#""nu\u006cl""#, "null", "null"),
            ("true", "true", "true"),
            (" false ", "false", "false"),
            (r#""truex""#, "truex", r#""truex""#),
            (r#""""#, "", r#""""#),
            (r#""-""#, "-", r#""-""#),
            (r#""{bad""#, "{bad", r#""{bad""#),
            ("\"\u{FEFF}true\"", "\u{FEFF}true", "\"\u{FEFF}true\""),
            ("1e999", "null", "null"),
            (r#""1e999""#, "1e999", r#""Infinity""#),
            (r#"{"a":1e999}"#, r#"{"a":null}"#, r#""{\"a\":null}""#),
            (r#""{\"a\":1e999}""#, r#"{"a":1e999}"#, r#""{\"a\":Infinity}""#),
            (r#""\ud800""#, "\u{FFFD}", r#""\ud800""#),
            (r#""\"\ud800\"""#, "\"\u{FFFD}\"", r#""\ud800""#),
            (r#""\"\\\ud800\"""#, "\"\\\u{FFFD}\"", r#""\"\\\ud800\"""#),
            (r#""\"\ud83d\\ude00\"""#, "\"\u{FFFD}\\ude00\"", r#""😀""#),
        ] {
            let pattern = read(json);
            assert_eq!(pattern.as_str(), Some(string), "{json}");
            assert_eq!(pattern.route().map(Route::to_json).as_deref(), Some(route), "{json}");
        }
    }

    #[test]
    fn strings_that_spell_a_word_reach_no_handler_of_that_name() {
        for name in ["true", "false", "null"] {
            let quoted = format!("{name:?}");
            assert_ne!(read(&quoted).route(), Some(&Route::text(name)));
            assert_eq!(read(&quoted).route(), read(name).route());
        }
    }

    #[test]
    fn a_plain_string_is_borrowed() {
        assert_eq!(plain_string(r#""orders.created""#), Some("orders.created"));
        assert_eq!(plain_string(r#""trueish""#), Some("trueish"));
        assert_eq!(plain_string(r#""求和""#), Some("求和"));
        for json in [
            r#""""#,
            r#"" a""#,
            r#""9a""#,
            r#""null ""#,
            r#""a\n""#,
            "\"",
            "1",
            "\"a\n\"",
        ] {
            assert_eq!(plain_string(json).unwrap_or_default(), "", "{json}");
        }
    }

    #[test]
    fn a_pattern_nested_too_deeply_has_no_route() {
        let deep = "[".repeat(json::MAX_DEPTH + 1) + &"]".repeat(json::MAX_DEPTH + 1);
        assert_eq!(read(&deep).as_str(), Some(UNSERIALIZABLE_PATTERN));
        assert_eq!(read(&deep).route(), None);
        let quoted = format!("\"{deep}\"");
        assert_eq!(read(&quoted).as_str(), Some(deep.as_str()));
        assert_eq!(read(&quoted).route(), None);
    }

    #[test]
    fn what_is_no_json_is_refused() {
        let fault = ParseError::UnexpectedEnd { offset: 4 };
        assert_eq!(IncomingPattern::read(r#""sum"#, RULES), Err(fault));
        assert_eq!(IncomingPattern::absent().route(), None);
        assert_eq!(IncomingPattern::absent().as_str(), None);
    }

    proptest! {
        #[test]
        fn the_short_cut_leads_where_the_long_way_does(text in r#"[ -0-9a-z{}\[\]tfn."]{0,5}"#) {
            let json = Value::from(text.as_str()).stringify();
            let long = IncomingPattern::of_string(JsString::from(text.as_str()), RULES);
            prop_assert_eq!(read(&json), long);
        }

        #[test]
        fn an_objects_own_route_leads_to_it_again(keys in prop::collection::vec(any::<String>(), 0..5)) {
            let object = Value::Object(keys.into_iter().enumerate().map(|(at, key)| (key, at)).collect());
            let route = route_of(&object, RULES);
            let event = route.to_json();
            let incoming = read(&event);
            prop_assert_eq!(incoming.route(), Some(&route));
        }
    }
}
