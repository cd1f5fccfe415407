//! Byte streams of good and broken frames, cut into segments.

use bytes::BytesMut;
use nest_wire::codec::encode;
use proptest::{
    collection::vec,
    prelude::*,
    sample::{Index, select},
};

use crate::texts::{nearly_json, string};

/// Texts that may stand before a `#` instead of the right length. `N` is that length.
#[rustfmt::skip]
const HEADERS: &[&str] = &[
    " N", "\n\tN", "\u{feff}N", "\u{a0}N", "\u{2028}N", "\u{3000}N", "\u{180e}N", "\u{200b}N", "\u{85}N", "\0N", "+N",
    "0N", "000N", "+-N", "- N", "N.9", "Nabc", "Ne3", "N ", "-N", "-0", "0", "", "x", "x#N", "GET / HTTP/1.1\r\n",
    "0x1b", "1e3", "Infinity", "NaN", "N_0", "99999999999999999999", "1", "2", "3", "5", "12", "#", "N#", "１",
];

/// Bytes that make UTF-8 malformed, or frames unexpected.
const BYTES: &[u8] =
    b"##1290\n \"{}\x00\x80\xa9\xbf\xc0\xc2\xc3\xe0\xe6\xb1\x82\xed\xa0\xf0\x9f\x98\xf4\x90\xf5\xf8\xfe\xff";

/// Makes a frame, usually a good one, of one of these texts.
pub(crate) fn piece(text: impl Strategy<Value = String> + Clone) -> impl Strategy<Value = Vec<u8>> {
    let good = text.clone().prop_map(|text| frame(&text));
    let odd_header = (select(HEADERS), text.clone())
        .prop_map(|(header, text)| format!("{}#{text}", header.replace('N', &length(&text))).into_bytes());
    let in_bytes = text
        .clone()
        .prop_map(|text| format!("{}#{text}", text.len()).into_bytes());
    let in_characters = text
        .clone()
        .prop_map(|text| format!("{}#{text}", text.chars().count()).into_bytes());
    let near_miss = (-2..=2isize, text.clone()).prop_map(|(off, text)| {
        let units = length(&text).parse::<isize>().expect("a number") + off;
        format!("{units}#{text}").into_bytes()
    });
    let cut = (any::<Index>(), text).prop_map(|(at, text)| {
        let mut frame = frame(&text);
        frame.truncate(at.index(frame.len()));
        frame
    });
    let bytes = vec(select(BYTES), 1..6);
    // The length is that of the text as Node decodes it, so most of these frames are good.
    let malformed = vec(select(BYTES), 1..6).prop_map(|bytes| {
        let text = [b"\"", &bytes[..], b"\""].concat();
        let header = format!("{}#", length(&String::from_utf8_lossy(&text)));
        [header.into_bytes(), text].concat()
    });
    prop_oneof![
        12 => good,
        2 => odd_header,
        1 => in_bytes,
        1 => in_characters,
        1 => near_miss,
        1 => cut,
        1 => bytes,
        1 => malformed,
    ]
}

/// Makes texts of frames. They are short, so that a frame with too large a length hides little.
pub(crate) fn text() -> impl Strategy<Value = String> + Clone {
    let falsy = select(&["0", "null", "false", "\"\"", "-0", " 0.0 ", "", " "][..]).prop_map(str::to_owned);
    let wide = vec(select(&["é", "求", "😀", "\u{fffd}", "\u{10ffff}"][..]), 1..5);
    let wide = wide.prop_map(|characters| format!("[\"{}\"]", characters.concat()));
    prop_oneof![4 => string(), 3 => wide, 2 => falsy, 2 => nearly_json()].boxed()
}

/// Joins pieces and may then flip some bits.
pub(crate) fn damaged(pieces: impl Strategy<Value = Vec<Vec<u8>>>) -> impl Strategy<Value = Vec<u8>> {
    let flips = prop_oneof![2 => Just(Vec::new()), 1 => vec((any::<Index>(), 0..8u8), 1..3)];
    (pieces, flips).prop_map(|(pieces, flips)| {
        let mut stream = pieces.concat();
        for (at, bit) in flips.into_iter().filter(|_| !stream.is_empty()).collect::<Vec<_>>() {
            let at = at.index(stream.len());
            stream[at] ^= 1 << bit;
        }
        stream
    })
}

/// Makes the positions of cuts in a stream: a few, or nearly everywhere.
pub(crate) fn cuts() -> impl Strategy<Value = Vec<Index>> {
    prop_oneof![4 => vec(any::<Index>(), 0..10), 1 => vec(any::<Index>(), 60..100)]
}

/// Cuts a stream at these positions, into segments that are not empty.
pub(crate) fn segments(stream: &[u8], cuts: &[Index]) -> Vec<Vec<u8>> {
    let mut borders: Vec<_> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect();
    borders.extend([0, stream.len()]);
    borders.sort_unstable();
    let segments = borders.windows(2).map(|border| stream[border[0]..border[1]].to_vec());
    segments.filter(|segment| !segment.is_empty()).collect()
}

pub(crate) fn frame(text: &str) -> Vec<u8> {
    let mut frame = BytesMut::new();
    encode(text, &mut frame);
    frame.to_vec()
}

fn length(text: &str) -> String {
    text.encode_utf16().count().to_string()
}
