//! The smallest parts of a JSON text: white space, strings, numbers and words.
//!
//! Each function takes the index at which something begins, always in reach of the text. It returns
//! the index after the end, or as an error that of the first byte that has no place there.

use super::plain::plain;

/// The index after what was passed over, or that of the fault.
pub(super) type ScanResult = Result<usize, usize>;

/// Returns the byte at this index; NUL, which has no place outside of strings, after the end.
#[inline]
pub(super) fn byte(text: &[u8], at: usize) -> u8 {
    text.get(at).copied().unwrap_or(0)
}

/// Passes over white space, if there is some.
#[inline]
pub(super) fn space(text: &[u8], mut at: usize) -> usize {
    while let b' ' | b'\t' | b'\n' | b'\r' = byte(text, at) {
        at += 1;
    }
    at
}

/// Passes over this one character.
#[inline]
pub(super) fn delimiter(text: &[u8], at: usize, expected: u8) -> ScanResult {
    if byte(text, at) == expected {
        Ok(at + 1)
    } else {
        Err(at)
    }
}

/// How a string is spelled between its quotes.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Spelling {
    /// Each character stands for itself.
    Plain,
    /// With one escape or more.
    Escaped,
}

/// Passes over a number, `true`, `false` or `null`.
#[inline]
pub(super) fn number_or_word(text: &[u8], at: usize) -> ScanResult {
    match byte(text, at) {
        b'-' | b'0'..=b'9' => number(text, at),
        b't' => word(text, at, b"true"),
        b'f' => word(text, at, b"false"),
        b'n' => word(text, at, b"null"),
        _ => Err(at),
    }
}

/// The index after a string, or that of the fault. Unlike a `Result` of a pair, it fits into two
/// registers.
pub(super) enum StringEnd {
    Plain(usize),
    Escaped(usize),
    Fault(usize),
}

impl StringEnd {
    #[inline]
    pub(super) fn found(self) -> Result<(Spelling, usize), usize> {
        match self {
            Self::Plain(end) => Ok((Spelling::Plain, end)),
            Self::Escaped(end) => Ok((Spelling::Escaped, end)),
            Self::Fault(at) => Err(at),
        }
    }
}

/// Passes over a string.
#[inline]
pub(super) fn string(text: &[u8], at: usize) -> StringEnd {
    if byte(text, at) != b'"' {
        return StringEnd::Fault(at);
    }
    let at = plain(text, at + 1);
    match byte(text, at) {
        b'"' => StringEnd::Plain(at + 1),
        _ => escaped(text, at).map_or_else(StringEnd::Fault, StringEnd::Escaped),
    }
}

/// Passes over the rest of a string that has escapes.
#[cold]
fn escaped(text: &[u8], mut at: usize) -> ScanResult {
    while byte(text, at) == b'\\' {
        at = plain(text, escape(text, at)?);
    }
    delimiter(text, at, b'"')
}

fn escape(text: &[u8], at: usize) -> ScanResult {
    match byte(text, at + 1) {
        b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Ok(at + 2),
        b'u' => {
            let is_hex = |at: &usize| byte(text, *at).is_ascii_hexdigit();
            let digits = at + 2..at + 6;
            digits.clone().find(|at| !is_hex(at)).map_or(Ok(digits.end), Err)
        }
        _ => Err(at + 1),
    }
}

/// Passes over a number.
#[inline]
fn number(text: &[u8], at: usize) -> ScanResult {
    let at = at + usize::from(byte(text, at) == b'-');
    let at = match byte(text, at) {
        b'0' => at + 1,
        _ => digits(text, at)?,
    };
    match byte(text, at) {
        b'.' | b'e' | b'E' => fraction(text, at),
        _ => Ok(at),
    }
}

/// Passes over what makes a number more than an integer.
fn fraction(text: &[u8], mut at: usize) -> ScanResult {
    if byte(text, at) == b'.' {
        at = digits(text, at + 1)?;
    }
    if let b'e' | b'E' = byte(text, at) {
        let is_signed = matches!(byte(text, at + 1), b'+' | b'-');
        at = digits(text, at + 1 + usize::from(is_signed))?;
    }
    Ok(at)
}

/// Returns one digit or more.
#[inline]
fn digits(text: &[u8], start: usize) -> ScanResult {
    let mut at = start;
    while byte(text, at).is_ascii_digit() {
        at += 1;
    }
    if at == start { Err(at) } else { Ok(at) }
}

fn word(text: &[u8], at: usize, word: &[u8]) -> ScanResult {
    let differs = (at..).zip(word).find(|&(at, expected)| byte(text, at) != *expected);
    differs.map_or(Ok(at + word.len()), |(at, _)| Err(at))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::ParseError;

    fn pass(text: &str) -> Result<(), ParseError> {
        match string(text.as_bytes(), 0).found() {
            Ok((_, end)) if end == text.len() => Ok(()),
            Ok((_, fault)) | Err(fault) => Err(ParseError::at(text, fault)),
        }
    }

    #[test]
    fn a_string_may_stop_being_plain_anywhere() {
        for length in 0..70 {
            let plain = "x".repeat(length);
            assert_eq!(pass(&format!("\"{plain}\"")), Ok(()));
            assert_eq!(pass(&format!("\"{plain}\\n{plain}\"")), Ok(()));
            for found in '\0'..' ' {
                let fault = ParseError::Unexpected {
                    found,
                    offset: length + 1,
                };
                assert_eq!(pass(&format!("\"{plain}{found}{plain}\"")), Err(fault));
            }
            for other in [' ', '!', '#', '[', ']', '\u{7f}', '求'] {
                assert_eq!(pass(&format!("\"{plain}{other}{plain}\"")), Ok(()));
            }
            let end = ParseError::UnexpectedEnd { offset: length + 1 };
            assert_eq!(pass(&format!("\"{plain}")), Err(end));
        }
    }
}
