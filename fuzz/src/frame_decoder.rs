//! The frame decoder: it reads the same frames as the slow oracle, however the bytes are cut, in
//! little memory.

use allocation_counter::measure;
use bytes::BytesMut;
use nest_wire::codec::{DEFAULT_MAX_BUFFER_UNITS, FrameDecoder, FrameError, encode, units};

use crate::{
    oracle::{Event, Oracle, is_refused},
    script,
};

/// A limit that fuzzed input reaches, in UTF-16 units.
const SMALL_LIMIT: usize = 64;
/// Maximum number of bytes that the decoder holds for each received byte. It reserves up to sixteen
/// bytes for a byte of an announced text, and up to three for a unit.
const HELD_PER_BYTE: usize = 48;
const HELD_ALWAYS: usize = 1024;
/// The oracle decodes all bytes again for each segment, so longer inputs would only be slow.
const MAX_INPUT_BYTES: usize = 8192;

/// Asserts that frames and errors are those of the oracle, that the first error and all frames
/// before it do not depend on the cuts, that each frame is written as it was read, and that memory
/// is bounded by the input.
pub fn frame_decoder(input: &[u8]) {
    let segments = script::segments(&input[..input.len().min(MAX_INPUT_BYTES)]);
    let bytes = segments.concat();
    for max_units in [DEFAULT_MAX_BUFFER_UNITS, SMALL_LIMIT] {
        agrees_with_oracle(&segments, max_units);
        agrees_with_oracle(&[&bytes], max_units);
    }
    let scripted = until_error(&segments);
    assert_eq!(scripted, until_error([&bytes]), "the cuts changed what is read");
    assert_eq!(
        scripted,
        until_error(bytes.chunks(1)),
        "byte by byte, something else is read"
    );
    scripted.iter().for_each(survives_a_round_trip);

    let held = measure(|| drop(until_error(&segments))).bytes_max;
    // The frames that were read are held beside the decoder's own memory.
    let allowed = HELD_ALWAYS + HELD_PER_BYTE * bytes.len();
    assert!(held <= allowed as u64, "{held} bytes are held for {}", bytes.len());
}

fn agrees_with_oracle<S: AsRef<[u8]>>(segments: &[S], max_units: usize) {
    let mut decoder = FrameDecoder::new(max_units);
    let mut oracle = Oracle::new(max_units);
    for segment in segments {
        assert_eq!(read(&mut decoder, segment.as_ref()), oracle.read(segment.as_ref()));
        assert_eq!(decoder.is_mid_frame(), oracle.is_mid_frame());
    }
}

/// Reads until the first error, which is the last event.
fn until_error<S: AsRef<[u8]>>(segments: impl IntoIterator<Item = S>) -> Vec<Event> {
    let mut decoder = FrameDecoder::default();
    let mut events = Vec::new();
    for segment in segments {
        events.extend(read(&mut decoder, segment.as_ref()));
        if let Some(error) = events.iter().position(|event| !matches!(event, Event::Text(_))) {
            events.truncate(error + 1);
            break;
        }
    }
    events
}

fn read(decoder: &mut FrameDecoder, segment: &[u8]) -> Vec<Event> {
    decoder.push(segment);
    let mut events = Vec::new();
    loop {
        events.push(match decoder.next_frame() {
            Ok(None) => return events,
            Ok(Some(text)) if is_refused(&text) => {
                decoder.abandon();
                Event::NotJson
            }
            Ok(Some(text)) => Event::Text(text.to_string()),
            Err(FrameError::CorruptedLength { .. }) => Event::CorruptedLength,
            Err(FrameError::TooLarge { buffered, .. }) => Event::TooLarge(buffered),
            Err(_) => Event::NotJson,
        });
    }
}

fn survives_a_round_trip(event: &Event) {
    let Event::Text(text) = event else { return };
    let mut wire = BytesMut::new();
    encode(text, &mut wire);
    assert_eq!(wire, format!("{}#{text}", units(text)));
    let mut decoder = FrameDecoder::default();
    let again = decoder.decode(&mut wire).expect("a frame of ours is whole");
    assert_eq!(again.as_deref(), Some(&**text));
    assert!(decoder.is_at_boundary());
}
