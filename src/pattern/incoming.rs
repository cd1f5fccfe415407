//! A pattern as it came in a packet, and what a Nest server makes of it.
//!
//! Nest first turns the pattern into a string (a string stays itself, all else is stringified) and
//! then parses that string as JSON *if it can be*. So the string `{"cmd":"sum"}` and the object
//! reach one handler, the string `1e3` reaches `1000`, and the string `true` never reaches a
//! handler registered under that very string.

use std::borrow::Cow;

use crate::js::{self, JsString, ParseError, Value};

use super::route::Route;
use super::rules::RouteRules;
use super::spelling::route_of;

/// What Nest calls a pattern that is nested too deeply to be written back.
pub const UNSERIALIZABLE_PATTERN: &str = "[UNSERIALIZABLE_PATTERN]";

/// An incoming pattern: the string a handler's context shows, and the route to look up.
///
/// ```
/// use nest_wire::pattern::{IncomingPattern, RouteRules};
///
/// let object = IncomingPattern::read(r#"{ "cmd": "sum", "1": 2.0 }"#, RouteRules::Nest11)?;
/// assert_eq!(object.as_str(), Some(r#"{"1":2,"cmd":"sum"}"#));
///
/// let quoted = IncomingPattern::read(r#""{\"cmd\":\"sum\",\"1\":2}""#, RouteRules::Nest11)?;
/// assert_eq!(quoted.as_str(), Some(r#"{"cmd":"sum","1":2}"#));
/// assert_eq!(quoted.route(), object.route());
/// # Ok::<(), nest_wire::js::ParseError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IncomingPattern<'a> {
    /// Absent only when the packet had no pattern.
    string: Option<Cow<'a, str>>,
    /// Absent when there is nothing to look up.
    route: Option<Route<'a>>,
}

impl<'a> IncomingPattern<'a> {
    /// Reads the JSON text of a packet's `pattern`.
    ///
    /// The common case, a string such as `"sum"`, is neither parsed nor copied. A pattern nested
    /// deeper than [`js::MAX_DEPTH`] reads as [`UNSERIALIZABLE_PATTERN`] and has no route; Nest
    /// gives up some thousand levels earlier, where its stack happens to end.
    ///
    /// # Errors
    ///
    /// Those of [`js::parse`] except [`ParseError::TooDeep`], when the text is no JSON at all.
    pub fn read(json: &'a str, rules: RouteRules) -> Result<Self, ParseError> {
        if let Some(text) = plain_string(json) {
            return Ok(Self { string: Some(Cow::Borrowed(text)), route: Some(Route::text(text)) });
        }
        match js::parse(json) {
            Ok(Value::String(text)) => Ok(Self::of_string(text, rules)),
            Ok(value) => Ok(Self::of_value(&value, rules)),
            Err(ParseError::TooDeep { .. }) => {
                Ok(Self { string: Some(Cow::Borrowed(UNSERIALIZABLE_PATTERN)), route: None })
            }
            Err(fault) => Err(fault),
        }
    }

    /// What a packet without `pattern` has: nothing to show and nothing to look up.
    #[must_use]
    pub fn absent() -> Self {
        Self { string: None, route: None }
    }

    /// The pattern as a string, as a handler's context shows it: JSON text unless it was a string
    /// already, in which U+FFFD stands for lone surrogates. `None` if the packet had no pattern.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        self.string.as_deref()
    }

    /// The route to look a handler up by; `None` where nothing can be found.
    #[must_use]
    pub fn route(&self) -> Option<&Route<'a>> {
        self.route.as_ref()
    }

    fn of_string(text: JsString, rules: RouteRules) -> Self {
        let string = Some(Cow::Owned(text.to_string_lossy().into_owned()));
        let route = match parseable(&text).map(|text| js::parse(&text)) {
            Some(Ok(value)) => Some(route_of(&value, rules)),
            Some(Err(ParseError::TooDeep { .. })) => None,
            Some(Err(_)) | None => Some(Route::string(text)),
        };
        Self { string, route }
    }

    fn of_value(value: &Value, rules: RouteRules) -> Self {
        let string = value.stringify();
        // What is parsed again is this string. The two differ in one thing: infinity is `null`.
        let route = match string.contains("null").then(|| js::parse(&string)) {
            Some(Ok(again)) => route_of(&again, rules),
            _ => route_of(value, rules),
        };
        Self { string: Some(Cow::Owned(string)), route: Some(route) }
    }
}

/// The text between the quotes, if it stands there as it is and can't be JSON itself.
///
/// JSON begins with white space, a quote, a digit, a minus, a bracket, or with one of three words
/// (behind which there may be white space, and of that only spaces stand in a string unescaped).
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

/// A string as text to parse; `None` if that is known to fail.
///
/// To `JSON.parse` a lone surrogate is a character like any other: it may stand within a string.
/// In a `str` it can't, but its escape can, which means the same there. It means something else
/// only behind a backslash, where the character itself would be no escape that JSON knows.
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
