//! The start of fuzzing: inputs made from the recordings in `fixtures/`, and inputs that fuzzing
//! found.

use std::{
    collections::{BTreeSet, HashMap},
    fs,
    path::{Path, PathBuf},
};

use bytestring::ByteString;
use nest_wire::{
    Compat,
    codec::{FrameDecoder, units},
    packet::{IncomingReply, IncomingRequest, RawJson},
    recording::{Recording, Side},
};

use crate::{packed::unpack, script};

/// Number of digits, and so of UTF-16 units, of our client's ids.
const ID_UNITS: usize = 21;

/// Returns the inputs of a target that are made from the recordings, in a fixed order.
///
/// # Panics
/// Panics if the recordings cannot be read.
#[must_use]
pub fn seeds(target: &str) -> Vec<Vec<u8>> {
    let recordings = texts().into_iter();
    let mut inputs: BTreeSet<Vec<u8>> = match target {
        "recordings" => recordings.map(String::into_bytes).collect(),
        _ => recordings.flat_map(|text| inputs(target, &text)).collect(),
    };
    if target == "server_session" {
        inputs.extend(UNRECORDED.map(thrice));
    }
    inputs.into_iter().collect()
}

/// Returns the seeds of a target and the findings of fuzzing for it (`fuzz/found/`).
///
/// # Panics
/// Panics if they cannot be read.
#[must_use]
pub fn corpus(target: &str) -> Vec<Vec<u8>> {
    let path = folder().join("found").join(target).with_extension("txt");
    let found = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut inputs = seeds(target);
    inputs.extend(unpack(&found));
    inputs
}

/// Handlers that no recording calls.
const UNRECORDED: [&str; 4] = ["large", "spawned", "ticks", "yields"];

/// Returns three requests in one segment.
fn thrice(pattern: &str) -> Vec<u8> {
    let request = |id| format!("{{\"pattern\":\"{pattern}\",\"data\":0,\"id\":{id}}}");
    let frame = |text: String| format!("{}#{text}", units(&text));
    (1..=3).map(request).flat_map(|text| frame(text).into_bytes()).collect()
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

/// Returns the texts of all recordings.
fn texts() -> Vec<String> {
    let fixtures = folder().join("../fixtures");
    let mut files = Vec::new();
    for entry in fs::read_dir(&fixtures).expect("there are fixtures") {
        let path = entry.expect("a folder or a file").path();
        if path.is_dir() {
            let inside = fs::read_dir(path).expect("a folder");
            files.extend(inside.map(|entry| entry.expect("a file").path()));
        }
    }
    // Captures of packets lie there too.
    files.retain(|file| file.extension().is_some_and(|extension| extension == "jsonl"));
    files.sort();
    let read = |file: &PathBuf| fs::read_to_string(file).expect("a recording is text");
    files.iter().map(read).collect()
}

fn inputs(target: &str, text: &str) -> Vec<Vec<u8>> {
    let recording = Recording::read(text).expect("a recording");
    let mut inputs = Vec::new();
    for connection in 1..=recording.connections() {
        for from in [Side::Caller, Side::Service] {
            inputs.extend(of_side(target, &recording, connection, from));
        }
    }
    inputs
}

fn of_side(target: &str, recording: &Recording, connection: u32, from: Side) -> Vec<Vec<u8>> {
    let segments = recording.segments(connection, from);
    let texts = || texts_of(recording, connection, from).into_iter();
    match (target, from) {
        ("frame_decoder", _) => vec![script::of_segments(segments)],
        ("json_values" | "packets", _) => texts().map(|text| text.as_bytes().to_vec()).collect(),
        ("routes", Side::Caller) => texts().filter_map(|text| pattern(&text)).collect(),
        ("server_session", Side::Caller) => {
            // One caller waits for all replies, one closes directly after its last request.
            let script = script::of_segments(segments);
            let hasty = [&*script, b"\xFE."].concat();
            vec![script, hasty]
        }
        ("client_session", Side::Service) => {
            let mut ids = HashMap::new();
            vec![script::of_segments(texts().map(|text| reply(&text, &mut ids)))]
        }
        _ => Vec::new(),
    }
}

/// Returns the frames of one side, up to the first error.
fn texts_of(recording: &Recording, connection: u32, from: Side) -> Vec<ByteString> {
    let mut decoder = FrameDecoder::default();
    recording
        .segments(connection, from)
        .for_each(|segment| decoder.push(segment));
    std::iter::from_fn(|| decoder.next_frame().ok().flatten()).collect()
}

fn pattern(text: &ByteString) -> Option<Vec<u8>> {
    let pattern = IncomingRequest::read(text).ok()?.pattern?;
    Some(format!("{pattern}\n{pattern}").into_bytes())
}

/// Returns a reply as a frame of a script. Its id is a command that sends a call's id.
fn reply(text: &ByteString, ids: &mut HashMap<String, usize>) -> Vec<u8> {
    let id = IncomingReply::read(text, Compat::default())
        .ok()
        .and_then(|reply| reply.id);
    let Some(id) = id.as_ref().map(RawJson::as_str) else {
        return format!("{}#{text}", units(text)).into_bytes();
    };
    let next = ids.len();
    let call = *ids.entry(id.to_owned()).or_insert(next);
    let (before, after) = text.split_once(&format!("\"id\":{id}")).expect("a reply holds its id");
    let length = units(before) + units(after) + units("\"id\":\"\"") + ID_UNITS;
    let mut frame = format!("{length}#{before}\"id\":\"").into_bytes();
    frame.extend_from_slice(&[0xFE, b'0' + u8::try_from(call % 10).expect("one digit"), b'"']);
    frame.extend_from_slice(after.as_bytes());
    frame
}
