//! Passing over a value without making anything of it: only whether it is JSON, and where it ends.
//!
//! Every packet goes through here, so these functions work on plain indices, which stay in
//! registers. Each takes the index at which something begins, always in reach of the text, and
//! gives the one after its end, or the one of the first byte that has no place there.

/// The index after what was passed over, or that of the fault.
pub(super) type ScanResult = Result<usize, usize>;

/// Returns the byte at this index; NUL, which has no place outside of strings, after the end.
#[inline]
fn byte(text: &[u8], at: usize) -> u8 {
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

/// Passes over any value, however deep it is nested.
#[inline]
pub(super) fn value(text: &[u8], at: usize) -> ScanResult {
    match byte(text, at) {
        b'"' => string(text, at),
        b'[' | b'{' => container(text, at),
        _ => scalar(text, at),
    }
}

/// Returns true if the JSON in `text` is a string without escapes.
#[inline]
pub(crate) fn is_plain_string(text: &str) -> bool {
    text.starts_with('"') && plain(text.as_bytes(), 1) == text.len() - 1
}

#[inline]
fn scalar(text: &[u8], at: usize) -> ScanResult {
    match byte(text, at) {
        b'"' => string(text, at),
        b'-' | b'0'..=b'9' => number(text, at),
        b't' => word(text, at, b"true"),
        b'f' => word(text, at, b"false"),
        b'n' => word(text, at, b"null"),
        _ => Err(at),
    }
}

/// Passes over an array or an object.
#[inline(never)]
fn container(text: &[u8], mut at: usize) -> ScanResult {
    let mut open = Brackets::default();
    loop {
        // A value begins here.
        if let bracket @ (b'[' | b'{') = byte(text, at) {
            open.push(bracket == b'{');
            at = space(text, at + 1);
            // In ASCII, each bracket's counterpart stands two places after it.
            if byte(text, at) != bracket + 2 {
                at = begin(text, at, bracket == b'{')?;
                continue;
            }
        } else {
            at = scalar(text, at)?;
        }
        // It is complete, or about to be closed, and perhaps so is what it is in.
        loop {
            at = space(text, at);
            let in_object = open.innermost_is_curly();
            match (byte(text, at), in_object) {
                (b',', _) => {
                    at = begin(text, space(text, at + 1), in_object)?;
                    break;
                }
                (b']', false) | (b'}', true) => open.pop(),
                _ => return Err(at),
            }
            at += 1;
            if open.is_empty() {
                return Ok(at);
            }
        }
    }
}

/// Passes over what goes before a value that is an element or a member: nothing, or a key.
#[inline]
fn begin(text: &[u8], at: usize, in_object: bool) -> ScanResult {
    if !in_object {
        return Ok(at);
    }
    let colon = space(text, string(text, at)?);
    Ok(space(text, delimiter(text, colon, b':')?))
}

/// Passes over a string.
#[inline]
pub(super) fn string(text: &[u8], at: usize) -> ScanResult {
    let at = plain(text, delimiter(text, at, b'"')?);
    match byte(text, at) {
        b'"' => Ok(at + 1),
        _ => escaped(text, at),
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

/// Passes over characters up to a quote, an escape or a control character (which JSON refuses).
#[inline]
pub(super) fn plain(text: &[u8], mut at: usize) -> usize {
    while let Some(word) = text[at..].first_chunk() {
        let stops = stops(u64::from_le_bytes(*word));
        if stops != 0 {
            return at + stops.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    plain_at_last(text, at)
}

/// [`plain`] for the last few characters of the text, eight at most.
fn plain_at_last(text: &[u8], at: usize) -> usize {
    if let (true, Some(last)) = (at < text.len(), text.last_chunk()) {
        // What is before them is shifted out. The NULs that come in after them stop like any
        // control character.
        let before = 8 - (text.len() - at);
        return at + stops(u64::from_le_bytes(*last) >> (8 * before)).trailing_zeros() as usize / 8;
    }
    let is_plain = |byte: &&u8| !matches!(byte, b'"' | b'\\' | 0..0x20);
    at + text[at..].iter().take_while(is_plain).count()
}

/// Looks at eight bytes at once: the lowest bit that is set in the result is the highest of the
/// first byte that is a quote, a backslash or a control character. (Bits above may be set for no
/// reason.)
#[inline]
fn stops(bytes: u64) -> u64 {
    const EACH: u64 = 0x0101_0101_0101_0101;
    let below = |bytes: u64, limit: u8| bytes.wrapping_sub(EACH * u64::from(limit)) & !bytes;
    let is = |byte: u8| below(bytes ^ (EACH * u64::from(byte)), 1);
    (below(bytes, 0x20) | is(b'"') | is(b'\\')) & (EACH << 7)
}

/// Passes over a number.
#[inline]
pub(super) fn number(text: &[u8], at: usize) -> ScanResult {
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

/// The brackets that are open, a bit each: so many of them fit that a peer can't make us run out of
/// memory by nesting, and the first 64 cost no allocation.
#[derive(Default)]
struct Brackets {
    depth: usize,
    /// The innermost 64, the innermost of all in the lowest bit.
    near: u64,
    /// Those around them, 64 in each.
    far: Vec<u64>,
}

impl Brackets {
    fn push(&mut self, is_curly: bool) {
        if self.depth > 0 && self.depth.is_multiple_of(64) {
            self.far.push(self.near);
        }
        self.near = self.near << 1 | u64::from(is_curly);
        self.depth += 1;
    }

    fn pop(&mut self) {
        self.depth -= 1;
        self.near >>= 1;
        if self.depth > 0 && self.depth.is_multiple_of(64) {
            self.near = self.far.pop().unwrap_or_default();
        }
    }

    /// Asked only while one is open.
    fn innermost_is_curly(&self) -> bool {
        self.near & 1 == 1
    }

    fn is_empty(&self) -> bool {
        self.depth == 0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::json::ParseError;
    use crate::json::parse;

    /// Returns what is passed over, if it is all there is.
    fn pass(text: &str) -> Result<(), ParseError> {
        let bytes = text.as_bytes();
        let end = value(bytes, space(bytes, 0)).map(|end| space(bytes, end));
        match end {
            Ok(end) if end == text.len() => Ok(()),
            Ok(fault) | Err(fault) => Err(ParseError::at(text, fault)),
        }
    }

    #[test]
    fn brackets_are_remembered_at_every_depth() {
        let mut open = Brackets::default();
        let is_curly = |depth: usize| depth.is_multiple_of(3);
        for depth in 0..300 {
            open.push(is_curly(depth));
        }
        for depth in (0..300).rev() {
            assert!(!open.is_empty());
            assert_eq!(open.innermost_is_curly(), is_curly(depth), "{depth}");
            open.pop();
        }
        assert!(open.is_empty());
    }

    #[test]
    fn a_bracket_is_closed_by_its_own_kind() {
        for (text, fault) in [("[1}", 2), ("{\"a\":1]", 6), ("[[]}", 3), ("[{\"a\":[}]]", 7)] {
            let found = text[fault..].chars().next().expect("a character");
            assert_eq!(
                pass(text),
                Err(ParseError::Unexpected { found, offset: fault }),
                "{text}"
            );
        }
    }

    #[test]
    fn a_million_levels_are_passed_over() {
        let deep = format!("{}{}", "[{\"a\":".repeat(500_000), "1");
        assert_eq!(pass(&deep), Err(ParseError::UnexpectedEnd { offset: deep.len() }));
        assert_eq!(pass(&format!("{deep}{}", "}]".repeat(500_000))), Ok(()));
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

    proptest! {
        #[test]
        fn what_is_passed_over_is_what_can_be_parsed(text in r#"[\[\]{}",:\\ 0-9.eE+\-tfnrualse\n]{0,24}"#) {
            prop_assert_eq!(pass(&text), parse(&text).map(drop));
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
            prop_assert_eq!(pass(&text), parse(&text).map(drop));
        }
    }
}
