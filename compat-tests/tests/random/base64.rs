//! Base64, the input format of the framing oracle.

const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

pub(crate) fn base64(bytes: &[u8]) -> String {
    let quartet = |trio: &[u8]| {
        let bits = (0..3).fold(0, |bits, at| {
            bits << 8 | usize::from(trio.get(at).copied().unwrap_or(0))
        });
        let digit = move |place: usize| char::from(DIGITS[bits >> (18 - 6 * place) & 63]);
        let digits = trio.len() + 1;
        (0..4).map(move |place| if place < digits { digit(place) } else { '=' })
    };
    bytes.chunks(3).flat_map(quartet).collect()
}

#[test]
fn the_last_bytes_are_padded() {
    let encoded: Vec<_> = [&b""[..], b"n", b"ne", b"nes", b"\xff\xfe"].map(base64).into();
    assert_eq!(encoded, ["", "bg==", "bmU=", "bmVz", "//4="]);
}
