//! Frames: bytes read by our codec and our JSON reader, and by Nest's `JsonSocket`.

use bytes::BytesMut;
use compat_tests::on_each_major;
use nest_wire::{
    Compat,
    codec::{FrameDecoder, FrameError},
    json::{self, Value},
    packet::IncomingReply,
};
use nest_wire_harness::App;
use proptest::{collection::vec, prelude::*};
use serde::Deserialize;
use serde_json::{json, value::RawValue};

use crate::{
    base64::base64,
    cases::{Cases, Difference, shown},
    peers::Oracle,
    streams::{cuts, damaged, piece, segments, text},
};

const CASES: usize = 20_000;
const AT_ONCE: usize = 500;

on_each_major!(any_bytes_in_any_segments_are_read_as_nest_does, frames_are_the_same);

async fn frames_are_the_same(major: u8) {
    let mut oracle = Oracle::start(App::JsonSocket, major).await;
    let stream = damaged(vec(piece(text()), 0..7));
    // The limit came with Nest 11.
    let limited = if major < 11 { 0 } else { 1 };
    let limit = prop_oneof![limited => (5..80usize).prop_map(Some), 4 => Just(None)];
    let input = (stream, cuts(), limit);
    let segmented = input.prop_map(|(stream, cuts, limit)| (segments(&stream, &cuts), limit));
    let cases = Cases::from_major(major, CASES, segmented);
    cases
        .run(AT_ONCE, async |inputs| {
            let questions: Vec<_> = inputs.iter().map(|(chunks, limit)| question(chunks, *limit)).collect();
            let answers = oracle.ask(&questions).await;
            let mut pairs = inputs.iter().zip(answers).enumerate();
            pairs.find_map(|(at, ((chunks, limit), answer))| {
                let nest: Heard = serde_json::from_str(&answer).expect("the oracle answers in its format");
                let ours = hear(chunks, *limit);
                (nest != ours).then(|| Difference {
                    at,
                    input: format!("{}, limit {limit:?}", shown(chunks)),
                    nest: format!("{nest:?}"),
                    ours: format!("{ours:?}"),
                })
            })
        })
        .await;
}

/// The result of the segments of one conversation.
#[derive(Debug, Default, PartialEq, Deserialize)]
struct Heard {
    /// The messages, as JavaScript writes them.
    messages: Vec<String>,
    errors: Vec<Fault>,
    ended: bool,
    /// Only timers and peers that do not read cause this.
    destroyed: bool,
}

/// The errors of Nest that bytes alone can cause.
#[derive(Debug, PartialEq, Deserialize)]
#[serde(from = "Box<RawValue>")]
enum Fault {
    CorruptedLength,
    NotJson,
    /// More text than the limit was buffered; this is its number of units.
    TooLarge(usize),
    Other(String),
}

impl From<Box<RawValue>> for Fault {
    /// The message is raw JSON, not a string: messages quote what was received, half surrogate
    /// pairs included.
    fn from(message: Box<RawValue>) -> Self {
        let message = message.get();
        let buffered = message
            .strip_prefix("\"The packet length (")
            .and_then(|rest| rest.split_once(')'));
        match buffered.map(|(units, _)| units.parse()) {
            Some(Ok(units)) => Self::TooLarge(units),
            _ if message.starts_with("\"Corrupted length value ") => Self::CorruptedLength,
            _ if message.starts_with("\"Could not parse JSON: ") => Self::NotJson,
            _ => Self::Other(message.to_owned()),
        }
    }
}

fn question(chunks: &[Vec<u8>], limit: Option<usize>) -> String {
    let chunks: Vec<_> = chunks.iter().map(|chunk| base64(chunk)).collect();
    json!({ "chunks": chunks, "maxBufferSize": limit }).to_string()
}

fn hear(chunks: &[Vec<u8>], limit: Option<usize>) -> Heard {
    let mut decoder = limit.map_or_else(FrameDecoder::default, FrameDecoder::new);
    let mut buffer = BytesMut::new();
    let mut heard = Heard::default();
    for chunk in chunks {
        buffer.extend_from_slice(chunk);
        while let Some(read) = next(&mut decoder, &mut buffer) {
            match read {
                Ok(message) => heard.messages.push(message),
                Err(fault) => heard.errors.push(fault),
            }
        }
    }
    heard.ended = !heard.errors.is_empty();
    heard
}

fn next(decoder: &mut FrameDecoder, buffer: &mut BytesMut) -> Option<Result<String, Fault>> {
    let text = match decoder.decode(buffer) {
        Ok(text) => text?,
        Err(FrameError::CorruptedLength { .. }) => return Some(Err(Fault::CorruptedLength)),
        Err(FrameError::TooLarge { buffered, .. }) => return Some(Err(Fault::TooLarge(buffered))),
        Err(_) => return Some(Err(Fault::NotJson)),
    };
    let value = json::parse(&text);
    // Our two readers, of values and of packets, must agree on what is JSON.
    let is_packet = IncomingReply::read(&text, Compat::Nest12).is_ok();
    Some(match value {
        Ok(value) if is_packet => Ok(message(&value)),
        Err(_) if !is_packet => {
            decoder.abandon();
            Err(Fault::NotJson)
        }
        _ => Err(Fault::Other(format!(
            "json::parse and IncomingReply::read differ on {text}"
        ))),
    })
}

/// Returns the form of `value` in a conversation: `{}` if JavaScript takes it for false.
fn message(value: &Value) -> String {
    match value {
        Value::Null | Value::Bool(false) => "{}".to_owned(),
        Value::Number(number) if *number == 0.0 => "{}".to_owned(),
        Value::String(text) if text.as_str() == Some("") => "{}".to_owned(),
        _ => value.stringify(),
    }
}
