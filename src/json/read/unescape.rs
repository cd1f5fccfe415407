//! What a string of a JSON text stands for.

use super::token::Spelling;
use crate::json::value::string::{JsString, JsStringBuilder};

/// Returns the value of a string that the scanner has accepted, given with its quotes.
#[inline]
pub(super) fn string_value(spelling: Spelling, quoted: &str) -> JsString {
    match spelling {
        Spelling::Plain => JsString::from(&quoted[1..quoted.len() - 1]),
        Spelling::Escaped => unescaped(quoted),
    }
}

/// Returns the value of a string that the scanner has accepted, however it is spelled.
///
/// Escaped halves of a surrogate pair are joined, and kept if they stand alone.
pub(super) fn unescaped(quoted: &str) -> JsString {
    let mut built = JsStringBuilder::default();
    let mut rest = &quoted[1..quoted.len() - 1];
    while let Some((plain, escape)) = rest.split_once('\\') {
        built.push_str(plain);
        // The escaped character may be a backslash, which begins no other escape.
        rest = &escape[push_escape(escape, &mut built)..];
    }
    built.push_str(rest);
    built.finish()
}

/// Appends the character of the escape that `text` begins with, after its backslash. Returns the
/// escape's length.
fn push_escape(text: &str, built: &mut JsStringBuilder) -> usize {
    match text.as_bytes()[0] {
        b'u' => {
            let unit = u16::from_str_radix(&text[1..5], 16).expect("the scanner accepts four hexadecimal digits only");
            match char::from_u32(u32::from(unit)) {
                Some(character) => built.push(character),
                None => built.push_surrogate(unit),
            }
            return 5;
        }
        b'b' => built.push('\u{8}'),
        b'f' => built.push('\u{C}'),
        b'n' => built.push('\n'),
        b'r' => built.push('\r'),
        b't' => built.push('\t'),
        itself => built.push(char::from(itself)),
    }
    1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_stand_for_their_characters() {
        for (quoted, text) in [
            (r#""""#, ""),
            (r#""plain""#, "plain"),
            (r#""\"\\\/\b\f\n\r\t""#, "\"\\/\u{8}\u{C}\n\r\t"),
            (r#""é\u00e9\u0000求""#, "éé\0求"),
            (r#""\\u0041\\""#, "\\u0041\\"),
            (r#""\ud83d\uDE00""#, "😀"),
        ] {
            assert_eq!(unescaped(quoted), text, "{quoted}");
        }
    }

    #[test]
    fn half_of_a_pair_is_kept() {
        for (quoted, units) in [
            (r#""a\ud83d""#, vec![0x61, 0xD83D]),
            (r#""\uDE00\ud83db""#, vec![0xDE00, 0xD83D, 0x62]),
        ] {
            assert_eq!(unescaped(quoted), JsString::from_utf16(units), "{quoted}");
        }
    }
}
