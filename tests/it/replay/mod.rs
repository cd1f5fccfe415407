//! The recordings of real Nest in `fixtures/`, and a test that our framing is theirs.

mod caller;
mod exchange;
mod service;

use std::{
    fs,
    path::{Path, PathBuf},
};

use bytes::BytesMut;
use nest_wire::{
    codec::{FrameDecoder, encode},
    recording::{Recording, Side},
};

/// A recording and its file.
pub(crate) struct Fixture {
    pub(crate) name: String,
    pub(crate) recording: Recording,
}

impl Fixture {
    /// Returns whether the caller was Nest's own client, not a raw socket.
    pub(crate) fn has_nests_client(&self) -> bool {
        self.note("caller").starts_with("Nest's client")
    }

    pub(crate) fn note(&self, key: &str) -> &str {
        self.recording.about.get(key).map_or("", String::as_str)
    }

    /// Returns the bytes that a side sent over a connection.
    pub(crate) fn bytes(&self, connection: u32, from: Side) -> Vec<u8> {
        self.recording.segments(connection, from).flatten().copied().collect()
    }
}

/// Returns all fixtures. There must be some for each major.
pub(crate) fn fixtures() -> Vec<Fixture> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let mut all = Vec::new();
    for kind in ["7", "8", "9", "10", "11", "12", "malformed"] {
        let mut files = json_lines(&folder.join(kind));
        files.sort();
        assert!(!files.is_empty(), "there are no fixtures/{kind}/*.jsonl");
        all.extend(files.iter().map(|file| read(&folder, file)));
    }
    all
}

fn json_lines(folder: &Path) -> Vec<PathBuf> {
    let files = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let paths = files.map(|file| file.expect("a file").path());
    paths
        .filter(|path| path.extension().is_some_and(|extension| extension == "jsonl"))
        .collect()
}

fn read(folder: &Path, file: &Path) -> Fixture {
    let name = file.strip_prefix(folder).unwrap_or(file).display().to_string();
    let text = fs::read_to_string(file).unwrap_or_else(|error| panic!("{name}: {error}"));
    let recording = Recording::read(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
    assert!(!recording.events.is_empty(), "{name}: nothing was recorded");
    Fixture { name, recording }
}

/// Returns the texts of all frames up to the first malformed one.
pub(crate) fn frames(bytes: &[u8]) -> Vec<String> {
    let (mut decoder, mut bytes) = (FrameDecoder::default(), BytesMut::from(bytes));
    let mut texts = Vec::new();
    while let Ok(Some(text)) = decoder.decode(&mut bytes) {
        texts.push(text.to_string());
    }
    texts
}

pub(crate) fn encoded(texts: &[String]) -> BytesMut {
    let mut bytes = BytesMut::new();
    for text in texts {
        encode(text, &mut bytes);
    }
    bytes
}

#[test]
fn every_frame_that_nest_wrote_is_the_frame_that_we_write() {
    for fixture in fixtures() {
        for connection in 1..=fixture.recording.connections() {
            for from in [Side::Caller, Side::Service] {
                let bytes = fixture.bytes(connection, from);
                let texts = frames(&bytes);
                let ours = encoded(&texts);
                assert_eq!(frames(&ours), texts, "{}: the {from}", fixture.name);
                // A raw socket may frame in ways that Nest accepts and would not write.
                if from == Side::Service || fixture.has_nests_client() {
                    assert_eq!(ours, bytes, "{}: the {from}", fixture.name);
                }
            }
        }
    }
}

#[test]
fn every_recording_says_where_it_comes_from() {
    for fixture in fixtures() {
        for key in ["nest", "node", "scenario", "caller"] {
            assert!(!fixture.note(key).is_empty(), "{}: no `{key}`", fixture.name);
        }
        let is_malformed = fixture.name.starts_with("malformed");
        assert_eq!(!fixture.note("why").is_empty(), is_malformed, "{}: `why`", fixture.name);
    }
}
