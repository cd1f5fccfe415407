//! Node's `StringDecoder('utf8')`: bytes of any kind, in any pieces, to valid UTF-8.
//!
//! Knows nothing of frames or units. Two rules (`docs/PROTOCOL.md` §1): malformed UTF-8 becomes
//! U+FFFD, one for each maximal subpart, however it was cut; a character begun but not finished at
//! the end of what has arrived waits.

use bytes::BytesMut;

use super::utf16::is_continuation;

/// U+FFFD in UTF-8.
const REPLACEMENT: &[u8] = "\u{fffd}".as_bytes();

/// Makes valid UTF-8 of `src[from..]`, in place, up to the bytes that wait for more; returns where
/// those begin.
///
/// Bytes that are valid stay where they are and are looked at once. Each malformed byte becomes
/// three at most.
pub(super) fn sanitise(src: &mut BytesMut, from: usize) -> usize {
    let end = src.len() - held_back(&src[from..]);
    match std::str::from_utf8(&src[from..end]) {
        Ok(_) => end,
        Err(error) => replace_malformed(src, from + error.valid_up_to(), end),
    }
}

/// The slow half of [`sanitise`]: writes `src[from..end]` anew and returns its new end; the bytes
/// after it follow.
fn replace_malformed(src: &mut BytesMut, from: usize, end: usize) -> usize {
    // A copy of the tail and not `split_off`: that would cut off the capacity too, and every
    // malformed segment would move all that is buffered to a new allocation.
    let tail = src[from..].to_vec();
    let (malformed, waiting) = tail.split_at(end - from);
    src.truncate(from);
    for chunk in malformed.utf8_chunks() {
        src.extend_from_slice(chunk.valid().as_bytes());
        if !chunk.invalid().is_empty() {
            src.extend_from_slice(REPLACEMENT);
        }
    }
    let end = src.len();
    src.extend_from_slice(waiting);
    end
}

/// How many bytes at the end of `bytes` wait for more, as Node sees it: 0 to 3.
///
/// Node goes by the bits of the first byte alone. So a sequence waits even where it can never
/// become valid (`C0`, `F5`, `E0 80`), while `80` to `BF` with nothing before them, and `F8` to
/// `FF`, never wait.
pub(super) fn held_back(bytes: &[u8]) -> usize {
    let mut from_the_end = (1..=3).zip(bytes.iter().rev());
    let Some((begun, &first)) = from_the_end.find(|&(_, &byte)| !is_continuation(byte)) else {
        return 0;
    };
    let needed = match first {
        0xC0..=0xDF => 2,
        0xE0..=0xEF => 3,
        0xF0..=0xF7 => 4,
        _ => 0,
    };
    if begun < needed { begun } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every class of malformed UTF-8, and what Node makes of it when more text follows.
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

    #[test]
    fn malformed_text_is_replaced_alike_whole_and_byte_by_byte() {
        for (bytes, text) in MALFORMED {
            let input = [b"a", bytes, b"z"].concat();
            let expected = format!("a{text}z");

            let mut whole = BytesMut::from(&input[..]);
            assert_eq!(sanitise(&mut whole, 0), expected.len(), "{bytes:x?}");
            assert_eq!(whole, expected, "{bytes:x?}");

            let (mut src, mut end) = (BytesMut::new(), 0);
            for byte in input {
                src.extend_from_slice(&[byte]);
                end = sanitise(&mut src, end);
            }
            assert_eq!(end, expected.len(), "{bytes:x?}");
            assert_eq!(src, expected, "{bytes:x?}");
        }
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
    fn valid_text_before_the_malformed_byte_and_bytes_held_back_after_it_stay() {
        let mut src = BytesMut::from(&b"known\xffnew \xff\xf0\x9f"[..]);
        assert_eq!(sanitise(&mut src, 6), 13);
        assert_eq!(src, &b"known\xffnew \xef\xbf\xbd\xf0\x9f"[..]);
    }
}
