//! Property tests that compare the decoder with the slow reader of [`oracle`](super::oracle).

use bytes::BytesMut;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::decode::FrameDecoder;
use super::encode::encode;
use super::error::FrameError;
use super::oracle::{Event, Oracle, is_refused};

/// Returns the events of the decoder under test for one more chunk.
fn read(decoder: &mut FrameDecoder, chunk: &[u8]) -> Vec<Event> {
    decoder.push(chunk);
    let mut events = Vec::new();
    loop {
        let event = match decoder.next_frame() {
            Ok(None) => return events,
            Ok(Some(text)) if is_refused(&text) => {
                decoder.abandon();
                Event::NotJson
            }
            Ok(Some(text)) => Event::Text(text.to_string()),
            Err(FrameError::CorruptedLength { .. }) => Event::CorruptedLength,
            Err(FrameError::EmptyFrame { .. } | FrameError::SplitCharacter { .. }) => Event::NotJson,
            Err(FrameError::TooLarge { buffered, .. }) => Event::TooLarge(buffered),
        };
        events.push(event);
    }
}

/// Returns streams of pieces that look like frames, almost like frames, or unlike frames.
fn stream() -> impl Strategy<Value = Vec<u8>> {
    let text = "[a1 #é求😀\u{fffd}!]{1,12}";
    let whole = text.prop_map(|text| {
        let mut frame = BytesMut::new();
        encode(&text, &mut frame);
        frame.to_vec()
    });
    let odd_header = select(vec![
        " 3",
        "\u{feff}2",
        "+2",
        "2.9",
        "1e3",
        "0x1b",
        "-1",
        "0",
        "x",
        "",
        "99999999999999999999",
    ]);
    let odd = (odd_header, text).prop_map(|(header, text)| format!("{header}#{text}").into_bytes());
    let unlucky = (0..9usize, text).prop_map(|(length, text)| format!("{length}#{text}").into_bytes());
    let bytes = vec(
        select(b"###11223\x80\x80\xa9\xc3\xe6\xb1\x82\xc0\xe0\xf0\x9f\x98\xf5\xff\xed\xa0 ".to_vec()),
        1..9,
    );
    vec(prop_oneof![3 => whole, 1 => odd, 2 => unlucky, 2 => bytes], 0..12).prop_map(|pieces| pieces.concat())
}

/// Returns `stream` cut into chunks of these sizes, which are repeated.
fn chunks<'a>(mut stream: &'a [u8], sizes: &[usize]) -> Vec<&'a [u8]> {
    let mut chunks = Vec::new();
    for &size in sizes.iter().cycle() {
        if stream.is_empty() {
            break;
        }
        let (chunk, rest) = stream.split_at(size.min(stream.len()));
        chunks.push(chunk);
        stream = rest;
    }
    chunks
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn any_bytes_in_any_pieces_are_read_as_nest_reads_them(
        stream in stream(),
        sizes in vec(1..20usize, 1..8),
        max in prop_oneof![1 => 5..60usize, 2 => Just(usize::MAX)],
    ) {
        let mut decoder = FrameDecoder::new(max);
        let mut oracle = Oracle::new(max);
        for chunk in chunks(&stream, &sizes) {
            let missing = decoder.missing_bytes();
            let events = read(&mut decoder, chunk);
            prop_assert!(events.is_empty() || chunk.len() >= missing, "{} of {missing} bytes", chunk.len());
            prop_assert_eq!(events, oracle.read(chunk));
            prop_assert_eq!(decoder.is_mid_frame(), oracle.is_mid_frame());
        }
    }

    #[test]
    fn any_texts_in_any_pieces_come_out_again(
        texts in vec(".{1,40}", 0..20),
        sizes in vec(1..50usize, 1..8),
    ) {
        let mut stream = BytesMut::new();
        texts.iter().for_each(|text| encode(text, &mut stream));

        let mut decoder = FrameDecoder::default();
        let mut read = Vec::new();
        for chunk in chunks(&stream, &sizes) {
            decoder.push(chunk);
            while let Some(text) = decoder.next_frame().expect("all frames are whole") {
                read.push(text);
            }
        }
        prop_assert_eq!(read, texts);
        prop_assert!(!decoder.is_mid_frame());
    }
}
