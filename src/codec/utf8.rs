//! Node's `StringDecoder('utf8')`: decodes arbitrary bytes, in arbitrary pieces, to text.
//!
//! This module does not know frames or units. It has two rules (`docs/PROTOCOL.md` §1): malformed
//! UTF-8 becomes U+FFFD, one for each maximal subpart, however the bytes were split; an incomplete
//! character at the end of the received bytes is held back.

use super::utf16::is_continuation;

/// Number of bytes decoded at a time: few enough to stay in the nearest cache while they are
/// validated, counted and copied.
const PIECE: usize = 16 * 1024;

/// The start of an incomplete character, in up to three bytes.
#[derive(Debug, Clone, Default)]
pub(super) struct Begun {
    bytes: [u8; 4],
    length: usize,
}

impl Begun {
    /// Decodes the received bytes up to the bytes that are held back, and passes the text to `take`
    /// in one or several pieces. Each byte is validated once.
    pub(super) fn decode(&mut self, arrived: &[u8], mut take: impl FnMut(&str)) {
        let Some(rest) = self.finish(arrived, &mut take) else {
            return;
        };
        let (whole, begun) = rest.split_at(rest.len() - held_back(rest));
        let mut rest = whole;
        while !rest.is_empty() {
            let piece = rest
                .get(..PIECE)
                .map_or(rest, |piece| &piece[..PIECE - held_back(piece)]);
            match simdutf8::basic::from_utf8(piece) {
                Ok(text) => take(text),
                Err(_) => replace_malformed(piece, &mut take),
            }
            rest = &rest[piece.len()..];
        }
        self.length = begun.len();
        self.bytes[..begun.len()].copy_from_slice(begun);
    }

    /// Continues the incomplete character, if there is one. Returns the bytes after it, or `None`
    /// if it is still incomplete.
    fn finish<'a>(&mut self, arrived: &'a [u8], take: &mut impl FnMut(&str)) -> Option<&'a [u8]> {
        let begun = std::mem::take(&mut self.length);
        if begun == 0 {
            return Some(arrived);
        }
        let missing = length_of(self.bytes[0]) - begun;
        let more = arrived
            .iter()
            .take(missing)
            .take_while(|&&byte| is_continuation(byte))
            .count();
        let (more, rest) = arrived.split_at(more);
        let end = begun + more.len();
        self.bytes[begun..end].copy_from_slice(more);
        if rest.is_empty() && more.len() < missing {
            self.length = end;
            return None;
        }
        // The character is complete now, or never will be because another character follows.
        replace_malformed(&self.bytes[..end], take);
        Some(rest)
    }

    /// Returns the number of bytes held back, 0 to 3.
    pub(super) fn len(&self) -> usize {
        self.length
    }

    pub(super) fn is_empty(&self) -> bool {
        self.length == 0
    }
}

fn replace_malformed(bytes: &[u8], take: &mut impl FnMut(&str)) {
    for chunk in bytes.utf8_chunks() {
        take(chunk.valid());
        if !chunk.invalid().is_empty() {
            take("\u{fffd}");
        }
    }
}

/// Returns the number of bytes at the end of `bytes` that Node holds back: 0 to 3.
///
/// Node considers only the bits of the first byte. So a sequence is held back even if it can never
/// become valid (`C0`, `F5`, `E0 80`), while `80` to `BF` with nothing before them, and `F8` to
/// `FF`, are never held back.
fn held_back(bytes: &[u8]) -> usize {
    let mut from_the_end = (1..=3).zip(bytes.iter().rev());
    let Some((begun, &first)) = from_the_end.find(|&(_, &byte)| !is_continuation(byte)) else {
        return 0;
    };
    if begun < length_of(first) { begun } else { 0 }
}

/// Returns the number of bytes of a character with this first byte, judged by its bits alone; 0 if
/// no character begins with it.
fn length_of(first: u8) -> usize {
    match first {
        0xC0..=0xDF => 2,
        0xE0..=0xEF => 3,
        0xF0..=0xF7 => 4,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every class of malformed UTF-8, and Node's result when more text follows.
    const MALFORMED: [(&[u8], &str); 14] = [
        (b"\x80", "\u{fffd}"),
        (b"\xbf\xbf\xbf\xbf\xbf", "\u{fffd}\u{fffd}\u{fffd}\u{fffd}\u{fffd}"),
        (b"\xc3", "\u{fffd}"),
        (b"\xc0\xaf", "\u{fffd}\u{fffd}"),
        (b"\xe0\x80\x80", "\u{fffd}\u{fffd}\u{fffd}"),
        (b"\xe6\xb1", "\u{fffd}"),
        (b"\xe6\xb1\x82\x82", "求\u{fffd}"),
        (b"\xed\xa0\x80", "\u{fffd}\u{fffd}\u{fffd}"),
        (b"\xf0\x9f\x98", "\u{fffd}"),
        (b"\xf0\x80\x80\x80", "\u{fffd}\u{fffd}\u{fffd}\u{fffd}"),
        (b"\xf4\x90\x80\x80", "\u{fffd}\u{fffd}\u{fffd}\u{fffd}"),
        (b"\xf5\x80\x80\x80", "\u{fffd}\u{fffd}\u{fffd}\u{fffd}"),
        (b"\xf8\x88\x80\x80\x80", "\u{fffd}\u{fffd}\u{fffd}\u{fffd}\u{fffd}"),
        (b"\xfe\xff", "\u{fffd}\u{fffd}"),
    ];

    fn decoded(pieces: &[&[u8]]) -> String {
        let (mut begun, mut text) = (Begun::default(), String::new());
        for piece in pieces {
            begun.decode(piece, |more| text.push_str(more));
        }
        assert!(begun.is_empty(), "{pieces:x?}");
        text
    }

    #[test]
    fn malformed_text_is_replaced_alike_whole_and_byte_by_byte() {
        for (bytes, text) in MALFORMED {
            let input = [b"a", bytes, b"z"].concat();
            let expected = format!("a{text}z");

            assert_eq!(decoded(&[&input]), expected, "{bytes:x?}");
            let pieces: Vec<&[u8]> = input.chunks(1).collect();
            assert_eq!(decoded(&pieces), expected, "{bytes:x?}, byte by byte");
            for cut in 1..input.len() {
                let (one, other) = input.split_at(cut);
                assert_eq!(decoded(&[one, other]), expected, "{bytes:x?}, cut at {cut}");
            }
        }
    }

    #[test]
    fn long_text_is_made_in_pieces_wherever_its_characters_end() {
        for (bytes, text) in MALFORMED
            .into_iter()
            .chain([("😀".as_bytes(), "😀"), ("求".as_bytes(), "求")])
        {
            for before in PIECE - 5..=PIECE + 1 {
                let input = [&b"a".repeat(before)[..], bytes, &b"z".repeat(PIECE)].concat();
                let expected = format!("{}{text}{}", "a".repeat(before), "z".repeat(PIECE));
                assert!(decoded(&[&input]) == expected, "{bytes:x?} after {before}");
            }
        }
        assert_eq!(decoded(&[&b"\x80".repeat(3 * PIECE)]), "\u{fffd}".repeat(3 * PIECE));
    }

    #[test]
    fn a_character_begun_is_held_back() {
        for begun in [
            &b"\xc3"[..],
            b"\xe6",
            b"\xe6\xb1",
            b"\xf0",
            b"\xf0\x9f",
            b"\xf0\x9f\x98",
        ] {
            assert_eq!(held_back(begun), begun.len(), "{begun:x?}");
            assert_eq!(held_back(&[b"\xe6\xb1\x82", begun].concat()), begun.len(), "{begun:x?}");
        }
    }

    #[test]
    fn bytes_that_look_begun_are_held_back_even_if_they_can_never_be_valid() {
        for begun in [
            &b"\xc0"[..],
            b"\xc1",
            b"\xe0\x80",
            b"\xed\xa0",
            b"\xf0\x80\x80",
            b"\xf5",
            b"\xf7\xbf\xbf",
        ] {
            assert_eq!(held_back(begun), begun.len(), "{begun:x?}");
        }
    }

    #[test]
    fn what_is_whole_or_has_no_beginning_is_not_held_back() {
        let whole = [
            &b""[..],
            b"a",
            b"\xc3\xa9",
            b"\xe6\xb1\x82",
            b"\xf0\x9f\x98\x80",
            b"\xc3\xa9\x80",
        ];
        let without_beginning = [
            &b"\x80"[..],
            b"\xbf\xbf\xbf",
            b"\x80\x80\x80\x80",
            b"\xf8",
            b"\xff\x80",
            b"a\x80",
        ];
        for bytes in whole.into_iter().chain(without_beginning) {
            assert_eq!(held_back(bytes), 0, "{bytes:x?}");
        }
    }

    #[test]
    fn what_is_begun_waits_through_empty_pieces() {
        let (mut begun, mut text) = (Begun::default(), String::new());
        for piece in [&b"\xf0"[..], b"", b"\x9f", b"", b"\x98"] {
            begun.decode(piece, |more| text.push_str(more));
            assert!(text.is_empty() && !begun.is_empty());
        }
        begun.decode(b"\x80", |more| text.push_str(more));
        assert_eq!(text, "😀");
    }
}
