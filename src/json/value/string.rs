//! A JavaScript string: text that may hold halves of surrogate pairs.

use std::borrow::Cow;
use std::fmt;
use std::hash::{Hash, Hasher};

use arrayvec::ArrayString;

/// A string as JavaScript has it: UTF-16 in which a surrogate may stand alone.
///
/// `"\ud83d"` is legal JSON, and Node keeps it, compares it and writes it back. Nearly every string
/// is ordinary text and is kept as such: [`as_str`](Self::as_str) gives it.
///
/// ```
/// use nest_wire::json::JsString;
///
/// assert_eq!(JsString::from("sum").as_str(), Some("sum"));
/// let half = JsString::from_utf16(vec![0xD83D]);
/// assert_eq!(half.as_str(), None);
/// assert_eq!(half.to_string_lossy(), "\u{FFFD}");
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct JsString(Repr);

/// Up to how many bytes a text counts as short: as many as make no variant larger.
const SHORT: usize = 12;

/// A text has one representation only, so equality needs no conversion.
#[derive(Clone, PartialEq, Eq)]
enum Repr {
    /// Most keys and patterns are: they need no memory of their own.
    Short(ArrayString<SHORT>),
    /// A longer text.
    Text(String),
    /// Code units of which at least one is a lone surrogate.
    Units(Box<[u16]>),
}

impl JsString {
    /// Returns the string of these UTF-16 code units.
    ///
    /// ```
    /// use nest_wire::json::JsString;
    ///
    /// assert_eq!(JsString::from_utf16(vec![0xD83D, 0xDE00]), JsString::from("😀"));
    /// ```
    #[must_use]
    pub fn from_utf16(units: Vec<u16>) -> Self {
        match String::from_utf16(&units) {
            Ok(text) => Self::from(text),
            Err(_) => Self(Repr::Units(units.into_boxed_slice())),
        }
    }

    /// Returns the text, unless a lone surrogate is in it.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match &self.0 {
            Repr::Short(text) => Some(text),
            Repr::Text(text) => Some(text),
            Repr::Units(_) => None,
        }
    }

    /// Returns the text, with U+FFFD for each lone surrogate: what Node's `Buffer.from` makes of
    /// it.
    #[must_use]
    pub fn to_string_lossy(&self) -> Cow<'_, str> {
        match &self.0 {
            Repr::Short(text) => Cow::Borrowed(text),
            Repr::Text(text) => Cow::Borrowed(text),
            Repr::Units(units) => Cow::Owned(String::from_utf16_lossy(units)),
        }
    }

    /// Returns the text, owned.
    ///
    /// # Errors
    ///
    /// Gives the string back when a lone surrogate is in it.
    pub fn into_string(self) -> Result<String, Self> {
        match self.0 {
            Repr::Short(text) => Ok(text.as_str().to_owned()),
            Repr::Text(text) => Ok(text),
            Repr::Units(_) => Err(self),
        }
    }

    /// Returns the UTF-16 code units, which JavaScript counts as the string's length.
    ///
    /// ```
    /// use nest_wire::json::JsString;
    ///
    /// let smile = JsString::from("😀");
    /// assert_eq!(smile.encode_utf16().count(), 2);
    /// let first_half = JsString::from_utf16(smile.encode_utf16().take(1).collect());
    /// assert_eq!(first_half.encode_utf16().collect::<Vec<u16>>(), [0xD83D]);
    /// ```
    pub fn encode_utf16(&self) -> impl Iterator<Item = u16> {
        let (text, units) = match &self.0 {
            Repr::Short(text) => (text.as_str(), &[][..]),
            Repr::Text(text) => (text.as_str(), &[][..]),
            Repr::Units(units) => ("", &units[..]),
        };
        text.encode_utf16().chain(units.iter().copied())
    }

    /// Character by character; a lone surrogate is an error that holds it.
    pub(crate) fn chars(&self) -> impl Iterator<Item = Result<char, u16>> {
        let (text, units) = match &self.0 {
            Repr::Short(text) => (text.as_str(), &[][..]),
            Repr::Text(text) => (text.as_str(), &[][..]),
            Repr::Units(units) => ("", &units[..]),
        };
        let decoded = char::decode_utf16(units.iter().copied());
        text.chars()
            .map(Ok)
            .chain(decoded.map(|unit| unit.map_err(|lone| lone.unpaired_surrogate())))
    }
}

impl Default for JsString {
    fn default() -> Self {
        Self(Repr::Short(ArrayString::new()))
    }
}

impl From<&str> for JsString {
    fn from(text: &str) -> Self {
        if text.len() > SHORT {
            return Self(Repr::Text(text.to_owned()));
        }
        let mut short = ArrayString::new();
        short.push_str(text);
        Self(Repr::Short(short))
    }
}

impl From<String> for JsString {
    fn from(text: String) -> Self {
        if text.len() > SHORT {
            return Self(Repr::Text(text));
        }
        Self::from(&*text)
    }
}

impl PartialEq<str> for JsString {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == Some(other)
    }
}

impl PartialEq<&str> for JsString {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == Some(*other)
    }
}

/// Ordinary text hashes as `str` does: an object's members are looked up by `&str`.
impl Hash for JsString {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match &self.0 {
            Repr::Short(text) => text.hash(state),
            Repr::Text(text) => text.hash(state),
            Repr::Units(units) => units.hash(state),
        }
    }
}

impl indexmap::Equivalent<JsString> for str {
    fn equivalent(&self, key: &JsString) -> bool {
        key == self
    }
}

/// The text with U+FFFD for each lone surrogate.
impl fmt::Display for JsString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.to_string_lossy())
    }
}

/// Puts a [`JsString`] together: ordinary text, until the first lone surrogate asks for code units.
///
/// Two halves that come to stand side by side become one character, as they do in JavaScript.
#[derive(Debug, Default)]
pub(crate) struct JsStringBuilder {
    text: String,
    /// All that was pushed, once it is no longer plain text; `text` is unused from then on.
    units: Option<Vec<u16>>,
}

impl JsStringBuilder {
    pub(crate) fn push_str(&mut self, text: &str) {
        match &mut self.units {
            None => self.text.push_str(text),
            Some(units) => units.extend(text.encode_utf16()),
        }
    }

    pub(crate) fn push(&mut self, character: char) {
        self.push_str(character.encode_utf8(&mut [0; 4]));
    }

    pub(crate) fn push_surrogate(&mut self, unit: u16) {
        self.units
            .get_or_insert_with(|| self.text.encode_utf16().collect())
            .push(unit);
    }

    pub(crate) fn finish(self) -> JsString {
        match self.units {
            None => JsString::from(self.text),
            Some(units) => JsString::from_utf16(units),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::hash::DefaultHasher;

    use super::*;

    #[test]
    fn a_surrogate_pair_is_text_and_a_half_is_not() {
        assert_eq!(JsString::from_utf16(vec![0x61, 0xD83D, 0xDE00]).as_str(), Some("a😀"));
        assert_eq!(JsString::from_utf16(vec![0xDE00, 0xD83D]).as_str(), None);
        assert_ne!(JsString::from_utf16(vec![0xD800]), JsString::from_utf16(vec![0xD801]));
        assert_ne!(JsString::from_utf16(vec![0xD800]), JsString::from("\u{FFFD}"));
    }

    #[test]
    fn a_text_is_the_same_however_it_was_made() {
        assert_eq!(size_of::<JsString>(), size_of::<String>());
        for length in [0, 1, SHORT, SHORT + 1] {
            let text = "x".repeat(length);
            let made = [
                JsString::from(&*text),
                JsString::from(text.clone()),
                JsString::from_utf16(text.encode_utf16().collect()),
            ];
            let hashed = |value: &dyn Fn(&mut DefaultHasher)| {
                let mut hasher = DefaultHasher::new();
                value(&mut hasher);
                hasher.finish()
            };
            for string in made {
                assert_eq!(string, JsString::from(&*text));
                assert_eq!(string, *text);
                let as_text = hashed(&|hasher| text.hash(hasher));
                assert_eq!(hashed(&|hasher| string.hash(hasher)), as_text);
                assert_eq!(string.into_string().as_ref(), Ok(&text));
            }
        }
    }

    #[test]
    fn halves_pushed_side_by_side_become_one_character() {
        let mut builder = JsStringBuilder::default();
        builder.push_str("a");
        builder.push_surrogate(0xD83D);
        builder.push_surrogate(0xDE00);
        builder.push('é');
        assert_eq!(builder.finish(), "a😀é");
    }

    #[test]
    fn characters_and_lone_surrogates_come_in_order() {
        let string = JsString::from_utf16(vec![0x61, 0xD800, 0xD83D, 0xDE00]);
        assert_eq!(string.chars().collect::<Vec<_>>(), [Ok('a'), Err(0xD800), Ok('😀')]);
        assert_eq!(JsString::from("né").chars().collect::<Vec<_>>(), [Ok('n'), Ok('é')]);
    }

    #[test]
    fn debug_loses_nothing_and_display_stays_text() {
        let string = JsString::from_utf16(vec![0x22, 0xDC00]);
        assert_eq!(format!("{string:?}"), r#""\"\udc00""#);
        assert_eq!(string.to_string(), "\"\u{FFFD}");
        assert_eq!(string.clone().into_string(), Err(string));
    }
}
