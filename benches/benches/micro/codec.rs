//! Decoding and encoding of frames.

use bytes::BytesMut;
use divan::{Bencher, counter::BytesCount};
use nest_wire::codec::{FrameDecoder, encode, units};
use nest_wire_benches::text::Script;

const MEGABYTE: usize = 1_000_000;
/// A small piece.
pub(crate) const SEGMENT: usize = 1000;
/// Maximum number of bytes of one read.
pub(crate) const READ: usize = 64 * 1024;
const SCRIPTS: [Script; 3] = [Script::Ascii, Script::Cjk, Script::Emoji];

/// Returns a frame with a JSON string.
pub(crate) fn frame(script: Script, bytes: usize) -> BytesMut {
    let mut frame = BytesMut::new();
    encode(&script.json(bytes), &mut frame);
    frame
}

/// Decodes a frame that arrives in pieces of this size.
pub(crate) fn decode(frame: &[u8], segment: usize) {
    let mut decoder = FrameDecoder::default();
    let mut frames = 0;
    for segment in frame.chunks(segment) {
        decoder.push(segment);
        frames += usize::from(decoder.next_frame().expect("a good frame").is_some());
    }
    assert_eq!(frames, 1);
}

/// Returns memory for a frame, with its pages already in use.
fn room(frame: &BytesMut) -> BytesMut {
    let mut room = frame.clone();
    room.clear();
    room
}

#[divan::bench(args = SCRIPTS)]
fn decode_1_mb(bencher: Bencher<'_, '_>, script: Script) {
    let frame = frame(script, MEGABYTE);
    bencher
        .counter(BytesCount::new(frame.len()))
        .bench_local(|| decode(&frame, READ));
}

#[divan::bench(args = SCRIPTS)]
fn decode_1_mb_in_segments(bencher: Bencher<'_, '_>, script: Script) {
    let frame = frame(script, MEGABYTE);
    bencher
        .counter(BytesCount::new(frame.len()))
        .bench_local(|| decode(&frame, SEGMENT));
}

#[divan::bench(args = SCRIPTS, sample_count = 10, sample_size = 1)]
fn decode_64_mb(bencher: Bencher<'_, '_>, script: Script) {
    let frame = frame(script, 64 * MEGABYTE);
    bencher
        .counter(BytesCount::new(frame.len()))
        .bench_local(|| decode(&frame, READ));
}

#[divan::bench(args = SCRIPTS)]
fn encode_1_mb(bencher: Bencher<'_, '_>, script: Script) {
    let (text, frame) = (script.json(MEGABYTE), frame(script, MEGABYTE));
    bencher
        .counter(BytesCount::new(text.len()))
        .with_inputs(|| room(&frame))
        .bench_local_values(|mut wire| {
            encode(&text, &mut wire);
            assert_eq!(wire.len(), frame.len());
        });
}

#[divan::bench(args = SCRIPTS)]
fn count_units_of_1_mb(bencher: Bencher<'_, '_>, script: Script) {
    let text = script.json(MEGABYTE);
    let expected = text.encode_utf16().count();
    bencher
        .counter(BytesCount::new(text.len()))
        .bench_local(|| assert_eq!(units(divan::black_box(&text)), expected));
}

#[divan::bench]
fn decode_64_small_frames(bencher: Bencher<'_, '_>) {
    let mut segment = BytesMut::new();
    for number in 0..64 {
        encode(&super::packets::request_text(number), &mut segment);
    }
    bencher.counter(BytesCount::new(segment.len())).bench_local(|| {
        let mut decoder = FrameDecoder::default();
        decoder.push(&segment);
        let frames = std::iter::from_fn(|| decoder.next_frame().expect("good frames"));
        assert_eq!(frames.count(), 64);
    });
}
