//! The header of a frame: the text before its first `#`, read as JavaScript's `parseInt(text, 10)`
//! reads it.
//!
//! This module sees only the header's text, neither buffers nor bodies (`docs/PROTOCOL.md` §1).
//! Nest writes plain digits; this module defines what Nest accepts.

/// The length that a header announces for the text that follows it.
#[derive(Debug, PartialEq)]
pub(super) enum Length {
    /// The number of UTF-16 units that follow, at least 1. A number too large for `usize` becomes
    /// `usize::MAX`.
    Units(usize),
    /// Zero or a negative number; no JSON text is that short.
    ZeroOrLess,
    /// `NaN`: there is no digit where the digits must begin.
    NotANumber,
}

/// Reads a header in the form that every Nest writes, `123#`, at the start of `text`. Returns the
/// length and the byte index after the header's `#`, or `None` if the header has another form or is
/// incomplete.
pub(super) fn parse_fast(text: &str) -> Option<(usize, usize)> {
    // Nine digits fit into a `usize` on every platform.
    let mut length = 0;
    for (at, byte) in text.bytes().enumerate().take(10) {
        match byte {
            b'0'..=b'9' => length = 10 * length + usize::from(byte - b'0'),
            b'#' if length > 0 => return Some((length, at + 1)),
            _ => return None,
        }
    }
    None
}

/// Returns the length in a header of white space, an optional sign and decimal digits; everything
/// after the digits is ignored.
///
/// So `" 12abc"` is 12, `1e3` is 1 and `0x1b` is 0.
pub(super) fn parse(header: &str) -> Length {
    let header = header.trim_start_matches(is_white_space);
    let (sign, unsigned) = match header.as_bytes() {
        [sign @ (b'-' | b'+'), unsigned @ ..] => (*sign, unsigned),
        unsigned => (b'+', unsigned),
    };
    let digits = unsigned.iter().take_while(|byte| byte.is_ascii_digit());
    let number = digits.fold(None, |number: Option<usize>, digit| {
        let shifted = number.unwrap_or(0).saturating_mul(10);
        Some(shifted.saturating_add(usize::from(digit - b'0')))
    });
    match (number, sign) {
        (None, _) => Length::NotANumber,
        (Some(0), _) | (Some(_), b'-') => Length::ZeroOrLess,
        (Some(units), _) => Length::Units(units),
    }
}

/// Returns true if JavaScript considers the character white space: `StrWhiteSpaceChar` of ECMA-262.
/// Rust's own definition includes U+0085 and lacks U+FEFF.
fn is_white_space(character: char) -> bool {
    matches!(
        character,
        '\t'..='\r'
            | ' '
            | '\u{a0}'
            | '\u{1680}'
            | '\u{2000}'..='\u{200a}'
            | '\u{2028}'..='\u{2029}'
            | '\u{202f}'
            | '\u{205f}'
            | '\u{3000}'
            | '\u{feff}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_header_is_read_as_any_other() {
        for (text, usual) in [
            ("1#x", Some((1, 2))),
            ("007#", Some((7, 4))),
            ("999999999#", Some((999_999_999, 10))),
            ("9999999999#", None),
            ("12", None),
            ("", None),
            ("#", None),
            ("0#", None),
            ("1 #", None),
            ("-1#", None),
            (" 1#", None),
        ] {
            assert_eq!(parse_fast(text), usual, "{text}");
            if let Some((length, end)) = usual {
                assert_eq!(parse(&text[..end - 1]), Length::Units(length), "{text}");
            }
        }
    }

    #[test]
    fn plain_digits_are_the_length() {
        assert_eq!(parse("27"), Length::Units(27));
        assert_eq!(parse("00027"), Length::Units(27));
    }

    #[test]
    fn one_sign_is_accepted() {
        assert_eq!(parse("+27"), Length::Units(27));
        assert_eq!(parse("-27"), Length::ZeroOrLess);
        for header in ["++27", "--27", "+-27", "- 27", "+", "-"] {
            assert_eq!(parse(header), Length::NotANumber, "{header:?}");
        }
    }

    #[test]
    fn whatever_follows_the_digits_is_ignored() {
        for header in [
            "27.9",
            "27e5",
            "27abc",
            "27 ",
            "27\n",
            "27-",
            "27 28",
            "27\u{fffd}",
            "27😀",
            "27\0",
        ] {
            assert_eq!(parse(header), Length::Units(27), "{header:?}");
        }
        assert_eq!(parse(" 12abc"), Length::Units(12));
        assert_eq!(parse("1e3"), Length::Units(1));
        assert_eq!(parse("1_000"), Length::Units(1));
    }

    #[test]
    fn zero_is_zero_however_it_is_written() {
        for header in ["0", "-0", "+0", "000", "0x1b", "0b11", "0.9", " 0"] {
            assert_eq!(parse(header), Length::ZeroOrLess, "{header:?}");
        }
    }

    #[test]
    fn white_space_of_javascript_is_skipped() {
        let spaces = "\t\n\u{b}\u{c}\r \u{a0}\u{1680}\u{2000}\u{2001}\u{2002}\u{2003}\u{2004}\u{2005}\u{2006}\u{2007}\
                      \u{2008}\u{2009}\u{200a}\u{2028}\u{2029}\u{202f}\u{205f}\u{3000}\u{feff}";
        assert_eq!(spaces.chars().count(), 25);
        for space in spaces.chars() {
            assert_eq!(parse(&format!("{space}27")), Length::Units(27), "{space:?}");
        }
        assert_eq!(parse(&format!("{spaces}27")), Length::Units(27));
    }

    #[test]
    fn no_other_character_is_white_space() {
        let accepted = ('\0'..=char::MAX)
            .filter(|&character| is_white_space(character))
            .count();
        assert_eq!(accepted, 25);
        for character in ['\u{180e}', '\u{200b}', '\u{85}', '\0', '\u{1c}', '\u{2060}', '\u{fffd}'] {
            assert_eq!(parse(&format!("{character}27")), Length::NotANumber, "{character:?}");
        }
    }

    #[test]
    fn without_digits_there_is_no_number() {
        for header in [
            "", " ", "abc", ".5", "e5", "NaN", "Infinity", "{}", "\u{661}", "\u{ff11}",
        ] {
            assert_eq!(parse(header), Length::NotANumber, "{header:?}");
        }
    }

    #[test]
    fn a_number_too_big_saturates() {
        assert_eq!(parse("18446744073709551616"), Length::Units(usize::MAX));
        assert_eq!(parse(&"9".repeat(1000)), Length::Units(usize::MAX));
        assert_eq!(parse(&format!("-{}", "9".repeat(1000))), Length::ZeroOrLess);
    }
}
