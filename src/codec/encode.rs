//! Encodes text as frames: `length#text`, as Nest's `JsonSocket` writes it (`docs/PROTOCOL.md` §1).
//!
//! The counterpart of [`FrameDecoder`](super::FrameDecoder). The text is not parsed.

use bytes::{BufMut, BytesMut};

use super::utf16::{units, units_in};

/// Length of the longest header in bytes: the digits of the largest `usize`, and the `#`.
const LONGEST_HEADER: usize = usize::MAX.ilog10() as usize + 2;

/// Appends `text` to `dst` as one frame.
///
/// Any JSON text makes a valid frame. An empty text does not: it results in `0#`, which no peer
/// accepts.
///
/// ```
/// use bytes::BytesMut;
///
/// let mut wire = BytesMut::new();
/// nest_wire::codec::encode(r#"{"pattern":"sum","data":[1,2]}"#, &mut wire);
/// assert_eq!(&wire[..], br#"30#{"pattern":"sum","data":[1,2]}"#);
/// ```
pub fn encode(text: &str, dst: &mut BytesMut) {
    let mut room = [0; LONGEST_HEADER];
    let header = write_header(units(text), &mut room);
    dst.reserve(header.len() + text.len());
    dst.put_slice(header);
    dst.put_slice(text.as_bytes());
}

/// Appends the concatenation of these pieces to `dst` as one frame. The first, third and fifth are
/// ASCII, so only the others need to be counted.
#[inline(always)]
pub(crate) fn encode_pieces(pieces: [&str; 5], dst: &mut BytesMut) {
    dst.reserve(LONGEST_HEADER + pieces.map(str::len).iter().sum::<usize>());
    encode_header_of(&pieces, dst);
    for piece in pieces {
        dst.put_slice(piece.as_bytes());
    }
}

/// Appends the header of the frame that [`encode_pieces`] appends.
#[inline]
pub(crate) fn encode_header_of(pieces: &[&str; 5], dst: &mut BytesMut) {
    let [first, second, third, fourth, fifth] = pieces;
    debug_assert!(first.is_ascii() && third.is_ascii() && fifth.is_ascii());
    let ascii = first.len() + third.len() + fifth.len();
    let mut room = [0; LONGEST_HEADER];
    let header = write_header(ascii + units(second) + units(fourth), &mut room);
    dst.put_slice(header);
}

/// Appends the text that `write` writes to `dst` as one frame, without an intermediate buffer.
///
/// `write` must append UTF-8 and leave the existing bytes of `dst` unchanged. The length is known
/// only afterwards, so the text is written after a gap as wide as the longest header and then moved
/// to the end of the actual header: one pass over the text, no second allocation.
///
/// ```
/// use bytes::{BufMut, BytesMut};
///
/// let mut wire = BytesMut::new();
/// nest_wire::codec::encode_with(&mut wire, |wire| wire.put_slice("[\"😀\"]".as_bytes()));
/// assert_eq!(wire, "6#[\"😀\"]");
/// ```
///
/// # Panics
///
/// If `write` leaves `dst` shorter than it found it.
pub fn encode_with(dst: &mut BytesMut, write: impl FnOnce(&mut BytesMut)) {
    let start = dst.len();
    let gap_end = start + LONGEST_HEADER;
    dst.put_bytes(b'0', LONGEST_HEADER);
    write(dst);

    let mut room = [0; LONGEST_HEADER];
    let header = write_header(units_in(&dst[gap_end..]), &mut room);
    let text_start = start + header.len();
    dst[start..text_start].copy_from_slice(header);
    dst.copy_within(gap_end.., text_start);
    dst.truncate(dst.len() - (gap_end - text_start));
}

/// Writes `length` and a `#` at the end of `room`. Returns the written part.
fn write_header(length: usize, room: &mut [u8; LONGEST_HEADER]) -> &[u8] {
    let mut start = LONGEST_HEADER - 1;
    let mut rest = length;
    room[start] = b'#';
    loop {
        start -= 1;
        room[start] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            return &room[start..];
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn encoded(text: &str) -> BytesMut {
        let mut dst = BytesMut::new();
        encode(text, &mut dst);
        dst
    }

    #[test]
    fn the_length_counts_utf16_units() {
        assert_eq!(&encoded("{}")[..], b"2#{}");
        assert_eq!(&encoded("\"é\"")[..], b"3#\"\xc3\xa9\"");
        assert_eq!(&encoded("\"求\"")[..], b"3#\"\xe6\xb1\x82\"");
        assert_eq!(&encoded("\"😀\"")[..], b"4#\"\xf0\x9f\x98\x80\"");
    }

    #[test]
    fn lengths_of_every_number_of_digits_are_written() {
        for length in [0, 1, 9, 10, 99, 100, 1000, 65_536, 99_999_999] {
            let mut room = [0; LONGEST_HEADER];
            assert_eq!(write_header(length, &mut room), format!("{length}#").as_bytes());
        }
        let mut room = [0; LONGEST_HEADER];
        assert_eq!(
            write_header(usize::MAX, &mut room),
            format!("{}#", usize::MAX).as_bytes()
        );
    }

    #[test]
    fn frames_are_appended() {
        let mut dst = BytesMut::from("before");
        encode("1", &mut dst);
        encode_with(&mut dst, |dst| dst.put_slice(b"[2]"));
        encode("3", &mut dst);
        assert_eq!(dst, "before1#13#[2]1#3");
    }

    #[test]
    fn a_text_written_in_pieces_is_one_frame() {
        let mut dst = BytesMut::new();
        encode_with(&mut dst, |dst| {
            (0..40).for_each(|_| dst.put_slice(b"12345678"));
        });
        assert_eq!(dst, format!("320#{}", "12345678".repeat(40)));
    }

    proptest! {
        #[test]
        fn all_ways_to_encode_agree(before in ".{0,9}", text in ".{0,200}") {
            let mut one = BytesMut::from(&before[..]);
            let mut other = one.clone();
            encode(&text, &mut one);
            encode_with(&mut other, |dst| dst.put_slice(text.as_bytes()));
            prop_assert_eq!(&one, &format!("{before}{}#{text}", text.encode_utf16().count()));
            prop_assert_eq!(&one, &other);
            let middle = text.char_indices().nth(2).map_or(0, |(at, _)| at);
            let whole = format!("<{text}>");
            let pieces = ["<", &text[..middle], "", &text[middle..], ">"];
            encode(&whole, &mut one);
            encode_pieces(pieces, &mut other);
            prop_assert_eq!(one, other);
        }
    }
}
