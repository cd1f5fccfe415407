//! UTF-16 code units of UTF-8 text: what JavaScript calls the length of a string.
//!
//! Units are counted only in this module, which does not know about frames. The rule: a character
//! of one to three bytes is one unit, a character of four bytes (beyond U+FFFF) is two, a surrogate
//! pair (`docs/PROTOCOL.md` §1).

/// Number of bytes counted in one step: a multiple of every vector width, and small enough for a
/// sum in a `u8` (at most 2 per byte).
const STRIDE: usize = 96;

/// Maximum number of bytes that the standard library tests together for being ASCII; this is the
/// number on x86-64.
const BLOCK: usize = 32;

/// Returns the length of `text` in UTF-16 code units, like JavaScript's `text.length`.
///
/// ```
/// use nest_wire::codec::units;
///
/// assert_eq!(units("sum"), 3);
/// assert_eq!(units("求"), 1); // three bytes
/// assert_eq!(units("😀"), 2); // four bytes
/// ```
#[must_use]
pub fn units(text: &str) -> usize {
    units_in(text.as_bytes())
}

/// Returns the length in UTF-16 units of `utf8`, which is valid UTF-8 or a piece of it; a character
/// is counted at its first byte.
pub(super) fn units_in(utf8: &[u8]) -> usize {
    #[cfg(test)]
    tests::COUNTED.with(|counted| counted.set(counted.get() + utf8.len()));
    if is_ascii(utf8) {
        // Most text is ASCII, and testing for that is faster than counting.
        return utf8.len();
    }
    // Sums in a `u8` let the compiler use whole vectors of bytes; a `usize` sum would widen every
    // byte first.
    let (strides, rest) = utf8.as_chunks::<STRIDE>();
    let whole: usize = strides.iter().map(|stride| usize::from(units_in_few(stride))).sum();
    whole + usize::from(units_in_few(rest))
}

/// Returns true if all bytes are ASCII. On x86-64 the standard library tests the bytes after the
/// last whole block one by one; here they are tested together, overlapping the end of that block.
fn is_ascii(utf8: &[u8]) -> bool {
    match utf8.last_chunk::<BLOCK>() {
        Some(last) => last.is_ascii() && utf8[..utf8.len() - utf8.len() % BLOCK].is_ascii(),
        None => utf8.is_ascii(),
    }
}

/// Returns [`units_in`] for at most [`STRIDE`] bytes.
fn units_in_few(utf8: &[u8]) -> u8 {
    utf8.iter().fold(0, |sum, &byte| {
        sum + u8::from(!is_continuation(byte)) + u8::from(byte >= 0xF0)
    })
}

/// Returns true if `byte` continues a character that began earlier (`0b10xxxxxx`).
pub(super) fn is_continuation(byte: u8) -> bool {
    byte & 0b1100_0000 == 0b1000_0000
}

/// Returns the byte index at which the first `units` UTF-16 units of `utf8` end, or `None` if they
/// end inside a surrogate pair.
///
/// `utf8` is valid UTF-8, begins with a whole character and holds at least `units` units. The
/// search does not read beyond the end it finds: n missing units are at least n bytes, so it counts
/// n bytes, subtracts, and repeats. Every round reduces the missing units by about a third or more.
///
/// ```text
///   é é a 😀 a, 5 units:   C3 A9 C3 A9 61 | F0 9F | 98 80 | 61
///                          5 missing: 3    2: 2     0 are missing; go on to the end of the character
/// ```
pub(super) fn end_of(utf8: &[u8], units: usize) -> Option<usize> {
    let (mut end, mut missing) = (0, units);
    while missing > 0 {
        let window = &utf8[end..end + missing];
        end += missing;
        // The characters that begin in n bytes can have more than n units in only one way: n - 1
        // units, followed by the first byte of a pair. The first unit of that pair is the last one
        // missing.
        missing = missing.checked_sub(units_in(window))?;
    }
    let cut_off = utf8[end..].iter().take_while(|&&byte| is_continuation(byte)).count();
    Some(end + cut_off)
}

#[cfg(test)]
pub(super) mod tests {
    use std::cell::Cell;

    use proptest::prelude::*;

    use super::*;

    thread_local! {
        /// Number of bytes that this thread has read to count units, with which tests check that
        /// the work is linear.
        pub(in super::super) static COUNTED: Cell<usize> = const { Cell::new(0) };
    }

    #[test]
    fn each_width_of_character_has_its_units() {
        assert_eq!(units(""), 0);
        assert_eq!(units("\0\u{7f}"), 2);
        assert_eq!(units("\u{80}\u{7ff}"), 2);
        assert_eq!(units("\u{800}\u{ffff}"), 2);
        assert_eq!(units("\u{10000}\u{10ffff}"), 4);
    }

    #[test]
    fn a_full_stride_of_pairs_does_not_overflow() {
        assert_eq!(units(&"😀".repeat(STRIDE)), 2 * STRIDE);
        assert_eq!(
            units_in_few(&[0xF0; STRIDE]),
            192,
            "never in valid text, but still no overflow"
        );
    }

    #[test]
    fn one_character_that_is_not_ascii_is_found_wherever_it_stands() {
        for length in 0..=3 * BLOCK {
            assert_eq!(units(&"a".repeat(length)), length);
            for before in 0..length {
                let text = format!("{}é{}", "a".repeat(before), "a".repeat(length - before - 1));
                assert_eq!(units(&text), length, "{text}");
            }
        }
    }

    #[test]
    fn the_end_falls_after_whole_characters() {
        let text = "éa求😀b".as_bytes();
        let ends: Vec<_> = (0..=6).map(|units| end_of(text, units)).collect();
        assert_eq!(ends, [Some(0), Some(2), Some(3), Some(6), None, Some(10), Some(11)]);
    }

    proptest! {
        #[test]
        fn units_are_what_the_standard_library_counts(text in ".{0,300}") {
            prop_assert_eq!(units(&text), text.encode_utf16().count());
        }

        #[test]
        fn the_end_of_any_number_of_units_is_found_and_linear(text in "[a-cé求😀\u{10ffff}]{0,40}") {
            let mut ends = vec![None; units(&text) + 1];
            for (at, _) in text.char_indices().chain([(text.len(), ' ')]) {
                ends[text[..at].encode_utf16().count()] = Some(at);
            }
            for (units, end) in ends.into_iter().enumerate() {
                COUNTED.set(0);
                prop_assert_eq!(end_of(text.as_bytes(), units), end);
                prop_assert!(COUNTED.get() <= 3 * units);
            }
        }
    }
}
