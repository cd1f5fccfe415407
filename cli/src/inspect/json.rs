//! Entries and summaries as JSON lines, for programs.

use nest_wire::packet::RawJson;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::traffic::{
    entry::{Entry, Seen, What},
    summary::{Row, Summary},
    text::{json_line, seconds},
};

/// An entry: `type` first, times in seconds.
#[derive(Serialize)]
struct JsonEntry<'e> {
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<f64>,
    connection: u32,
    from: nest_wire::recording::Side,
    #[serde(flatten)]
    packet: Option<JsonPacket<'e>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<&'e str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'e str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<u64>,
}

#[derive(Serialize)]
struct JsonPacket<'e> {
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pattern: Option<&'e str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'e RawValue>,
    header: &'e str,
    units: usize,
    text_bytes: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    call: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    latency: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload: Option<&'e RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<&'e RawValue>,
    /// The text of what is not a packet, and what is wrong with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'e str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fault: Option<String>,
}

/// Returns the line of an entry.
pub(crate) fn entry(entry: &Entry) -> String {
    let mut json = JsonEntry {
        r#type: "packet",
        at: entry.at.map(seconds),
        connection: entry.connection,
        from: entry.from,
        packet: None,
        address: None,
        reason: None,
        bytes: None,
    };
    match &entry.what {
        What::Packet(seen) => json.packet = Some(packet(seen)),
        What::Opened(address) => (json.r#type, json.address) = ("opened", Some(address.as_str())),
        What::Failed(reason) => (json.r#type, json.reason) = ("failed", Some(reason.as_str())),
        What::End => json.r#type = "closed",
        What::Reset => json.r#type = "reset",
        What::Missing(bytes) => (json.r#type, json.bytes) = ("missing", Some(*bytes)),
        What::Skipped(bytes) => (json.r#type, json.bytes) = ("skipped", Some(*bytes as u64)),
        What::Tls => json.r#type = "tls",
    }
    json_line(&json)
}

fn packet(seen: &Seen) -> JsonPacket<'_> {
    JsonPacket {
        kind: seen.kind.name(),
        pattern: seen.pattern.as_deref(),
        id: seen.id.as_ref().and_then(raw),
        header: &seen.frame.header,
        units: seen.frame.units,
        text_bytes: seen.frame.bytes,
        call: seen.call,
        latency: seen.latency.map(seconds),
        payload: seen.payload.as_ref().and_then(raw),
        metadata: seen.metadata.as_ref().and_then(raw),
        text: seen.why.as_ref().map(|_| seen.frame.text.as_str()),
        fault: seen
            .why
            .as_ref()
            .map(|why| why.words(&seen.frame.header, seen.frame.units).to_string()),
    }
}

fn raw(json: &RawJson) -> Option<&RawValue> {
    serde_json::from_str(json.as_str()).ok()
}

#[derive(Serialize)]
struct JsonRow<'s> {
    r#type: &'static str,
    pattern: &'s str,
    event: bool,
    asked: u64,
    errors: u64,
    unanswered: u64,
    p50: Option<f64>,
    p99: Option<f64>,
}

#[derive(Serialize)]
struct JsonTotal {
    r#type: &'static str,
    packets: u64,
    broken: u64,
    connections: u64,
}

/// Returns a line for each pattern, and one for all.
pub(super) fn summary(summary: &Summary) -> Vec<String> {
    let row = |(pattern, event, row): (&str, bool, &Row)| {
        json_line(&JsonRow {
            r#type: "pattern",
            pattern,
            event,
            asked: row.asked,
            errors: row.errors,
            unanswered: if event { 0 } else { row.unanswered() },
            p50: row.quantile(0.5).map(seconds),
            p99: row.quantile(0.99).map(seconds),
        })
    };
    let mut lines: Vec<String> = summary.rows().into_iter().map(row).collect();
    lines.push(json_line(&JsonTotal {
        r#type: "total",
        packets: summary.packets,
        broken: summary.broken,
        connections: summary.connections,
    }));
    lines
}
