//! Runs of characters within a string that stand for themselves.

/// Returns true if the JSON in `text` is a string without escapes.
#[inline]
pub(crate) fn is_plain_string(text: &str) -> bool {
    text.starts_with('"') && plain(text.as_bytes(), 1) == text.len() - 1
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
