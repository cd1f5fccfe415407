//! Routes, with which Nest looks up handlers.

use std::borrow::Cow;
use std::fmt;

use crate::json::{JsString, push_quoted, push_quoted_str};

/// The key under which handlers are registered and found.
///
/// Nest stores its handlers in a `Map` with this string as the key; here a route can be the key of
/// a `HashMap`. In a map of `Route<'static>` a borrowed route is looked up without a copy.
///
/// Two kinds of patterns are not ordinary text and still have routes, each equal only to itself:
/// strings with lone surrogates, and the patterns `true`, `false` and `null`, which Nest
/// distinguishes from the strings of the same names.
///
/// ```
/// use std::collections::HashMap;
/// use nest_wire::{Compat, pattern::{IncomingPattern, Pattern, Route}};
///
/// let compat = Compat::Nest12;
/// let handlers: HashMap<Route<'static>, u32> = HashMap::from([(Pattern::from("sum").route(compat), 1)]);
/// let raw = String::from(r#""sum""#);
/// let incoming = IncomingPattern::read(&raw, compat)?;
/// assert_eq!(incoming.route().and_then(|route| handlers.get(route)), Some(&1));
/// # Ok::<(), nest_wire::json::ParseError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Route<'a>(Repr<'a>);

#[derive(Clone, PartialEq, Eq, Hash)]
enum Repr<'a> {
    Text(Cow<'a, str>),
    /// Text that a `str` can't hold.
    Surrogates(JsString),
    /// `true`, `false` or `null`.
    Word(&'static str),
}

impl<'a> Route<'a> {
    pub(super) fn text(text: impl Into<Cow<'a, str>>) -> Self {
        Self(Repr::Text(text.into()))
    }

    pub(super) fn string(string: JsString) -> Self {
        Self(match string.into_string() {
            Ok(text) => Repr::Text(Cow::Owned(text)),
            Err(string) => Repr::Surrogates(string),
        })
    }

    pub(super) fn word(word: &'static str) -> Self {
        Self(Repr::Word(word))
    }

    /// Returns the route as text, or `None` if it is one of the two kinds that are not text.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match &self.0 {
            Repr::Text(text) => Some(text),
            Repr::Surrogates(_) | Repr::Word(_) => None,
        }
    }

    /// Returns the route's JSON text, which an event carries as its pattern.
    ///
    /// ```
    /// use nest_wire::{Compat, pattern::Pattern};
    ///
    /// let route = Pattern::object([("b", 1), ("a", 2)]).route(Compat::Nest12);
    /// assert_eq!(route.to_json(), r#""{\"a\":2,\"b\":1}""#);
    /// ```
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut out = String::new();
        match &self.0 {
            Repr::Text(text) => push_quoted_str(text, &mut out),
            Repr::Surrogates(string) => push_quoted(string, &mut out),
            Repr::Word(word) => out.push_str(word),
        }
        out
    }

    /// Returns the route with its borrowed text copied.
    #[must_use]
    pub fn into_owned(self) -> Route<'static> {
        Route(match self.0 {
            Repr::Text(text) => Repr::Text(Cow::Owned(text.into_owned())),
            Repr::Surrogates(string) => Repr::Surrogates(string),
            Repr::Word(word) => Repr::Word(word),
        })
    }
}

impl PartialEq<str> for Route<'_> {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == Some(other)
    }
}

impl PartialEq<&str> for Route<'_> {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == Some(*other)
    }
}

/// Writes the route as text, with U+FFFD for lone surrogates.
impl fmt::Display for Route<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Repr::Text(text) => f.pad(text),
            Repr::Surrogates(string) => f.pad(&string.to_string_lossy()),
            Repr::Word(word) => f.pad(word),
        }
    }
}

/// Writes the route's JSON text, which is lossless.
impl fmt::Debug for Route<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_json())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_not_the_text_of_its_name() {
        assert_ne!(Route::word("true"), Route::text("true"));
        assert_eq!(Route::word("true").to_json(), "true");
        assert_eq!(Route::text("true").to_json(), r#""true""#);
        assert_eq!(Route::word("null").as_str(), None);
    }

    #[test]
    fn lone_surrogates_stay_apart() {
        let high = Route::string(JsString::from_utf16(vec![0xD800]));
        assert_ne!(high, Route::string(JsString::from_utf16(vec![0xD801])));
        assert_ne!(high, Route::text("\u{FFFD}"));
        assert_eq!(high.to_json(), r#""\ud800""#);
        assert_eq!(high.to_string(), "\u{FFFD}");
        assert_eq!(high.clone().into_owned(), high);
    }

    #[test]
    fn borrowed_and_owned_routes_are_equal() {
        assert_eq!(Route::string(JsString::from("sum")), Route::text("sum"));
    }
}
