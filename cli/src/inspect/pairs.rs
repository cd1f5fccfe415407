//! Calls: a request and what came of it, on one line.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use nest_wire::packet::RawJson;
use serde::Serialize;
use serde_json::value::RawValue;
use unicode_width::UnicodeWidthStr;

use crate::traffic::{
    entry::{Entry, Seen, What},
    filter::Filter,
    line::Width,
    packet::Kind,
    text::{cut, head, json_line, printable, seconds, time},
};

/// Maximum size, in bytes, of the data that is remembered of a call.
const MAX_DATA_BYTES: usize = 64 * 1024;
/// Maximum size, in bytes, of all that is remembered of calls without a last reply. Beyond that, the
/// oldest is shown as one without an answer.
const MAX_WAITING_BYTES: usize = 64 * 1024 * 1024;
/// What a call without data counts.
const CALL_BYTES: usize = 256;
/// Width of the column of patterns.
const PATTERN: usize = 22;

/// The calls that wait for their last reply.
pub(super) struct Pairs {
    calls: BTreeMap<u64, Pair>,
    /// Size of `calls`, in bytes.
    waiting_bytes: usize,
    is_json: bool,
    width: Width,
    /// The filter that the last reply of a call must pass.
    outcome: Filter,
}

/// A call so far.
struct Pair {
    at: Option<Duration>,
    connection: u32,
    pattern: Arc<str>,
    data: String,
    /// Number of values before the last reply.
    values: u64,
}

#[derive(Serialize)]
struct JsonPair<'p> {
    r#type: &'static str,
    call: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<f64>,
    connection: u32,
    pattern: &'p str,
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    latency: Option<f64>,
    values: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<&'p RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reply: Option<&'p RawValue>,
}

impl Pair {
    fn size(&self) -> usize {
        self.data.len() + CALL_BYTES
    }
}

impl Pairs {
    pub(super) fn new(is_json: bool, width: Width, outcome: Filter) -> Self {
        Self {
            calls: BTreeMap::new(),
            waiting_bytes: 0,
            is_json,
            width,
            outcome,
        }
    }

    /// Takes an entry in. Returns the line of the call that it ends.
    pub(super) fn entry(&mut self, entry: &Entry) -> Option<String> {
        let What::Packet(seen) = &entry.what else {
            return None;
        };
        let call = seen.call?;
        match seen.kind {
            Kind::Request => {
                let data = seen.payload.as_ref().map_or("", |data| data.as_str());
                let pair = Pair {
                    at: entry.at,
                    connection: entry.connection,
                    pattern: Arc::clone(seen.pattern.as_ref()?),
                    data: head(data, MAX_DATA_BYTES).to_owned(),
                    values: 0,
                };
                self.waiting_bytes += pair.size();
                self.calls.insert(call, pair);
                self.oldest_of_too_many()
            }
            Kind::Value => {
                self.calls.get_mut(&call)?.values += 1;
                None
            }
            _ => {
                let pair = self.calls.remove(&call)?;
                self.waiting_bytes -= pair.size();
                let is_wanted = self.outcome.passes(entry);
                is_wanted.then(|| self.line(call, &pair, Some(seen)))
            }
        }
    }

    /// Returns the lines of the calls that have waited longest, if too many wait. Their answers will
    /// be ignored.
    fn oldest_of_too_many(&mut self) -> Option<String> {
        let mut lines = Vec::new();
        while self.waiting_bytes > MAX_WAITING_BYTES {
            let (call, pair) = self.calls.pop_first()?;
            self.waiting_bytes -= pair.size();
            if !self.outcome.wants_packets() {
                lines.push(self.line(call, &pair, None));
            }
        }
        (!lines.is_empty()).then(|| lines.join("\n"))
    }

    /// Returns the lines of the calls without a last reply.
    pub(super) fn unanswered(&mut self) -> Vec<String> {
        let calls = std::mem::take(&mut self.calls);
        self.waiting_bytes = 0;
        if self.outcome.wants_packets() {
            return Vec::new();
        }
        calls.iter().map(|(call, pair)| self.line(*call, pair, None)).collect()
    }

    fn line(&self, call: u64, pair: &Pair, last: Option<&Seen>) -> String {
        let values = pair.values + u64::from(last.is_some_and(|last| last.kind == Kind::Last));
        let outcome = last.map_or("unanswered", |last| last.kind.name());
        let reply = last.and_then(|last| last.payload.as_ref()).map(RawJson::as_str);
        let latency = last.and_then(|last| last.latency);
        if self.is_json {
            return json_line(&JsonPair {
                r#type: "call",
                call,
                at: pair.at.map(seconds),
                connection: pair.connection,
                pattern: &pair.pattern,
                outcome,
                latency: latency.map(seconds),
                values,
                data: serde_json::from_str(&pair.data).ok(),
                reply: reply.and_then(|reply| serde_json::from_str(reply).ok()),
            });
        }
        let at = pair
            .at
            .map_or_else(|| "-".to_owned(), |at| format!("{:.6}", at.as_secs_f64()));
        let pattern = cut(&printable(&pair.pattern), PATTERN);
        let padding = PATTERN - pattern.width();
        let outcome = match last.map(|last| last.kind) {
            None => "(no answer)".to_owned(),
            Some(Kind::Last) if values > 1 => format!("{values} values, the last {}", reply.unwrap_or_default()),
            Some(Kind::Last) => reply.unwrap_or_default().to_owned(),
            Some(Kind::Completion) => format!("{values} values"),
            Some(kind) => format!("{kind} {}", reply.unwrap_or_default()),
        };
        let latency = latency.map(time).unwrap_or_default();
        let text = printable(&format!("{} → {}", pair.data, outcome.trim_end()));
        let text = match self.width {
            Width::Columns(columns) => cut(&text, columns.saturating_sub(9 + 4 + PATTERN + 11).max(20)),
            _ => text,
        };
        format!(
            "{at:>9} {:>2} {pattern}{:padding$} {latency:>7}  {text}",
            pair.connection, ""
        )
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use nest_wire::recording::{Content, Event, Side};

    use super::*;
    use crate::traffic::reading::Reading;

    #[test]
    fn of_too_many_calls_without_an_answer_the_oldest_are_shown_early() {
        let mut pairs = Pairs::new(false, Width::Unlimited, Filter::default());
        let mut reading = Reading::default();
        let data = "x".repeat(MAX_DATA_BYTES);
        let (mut shown, mut most) = (0, 0);
        for id in 0..1500 {
            let text = format!(r#"{{"pattern":"sum","data":"{data}","id":"{id}"}}"#);
            let frame = Bytes::from(format!("{}#{text}", text.len()));
            reading.read(&Event::new(1, Side::Caller, Content::Segment(frame)), |entry| {
                shown += pairs.entry(&entry).map_or(0, |lines| lines.lines().count());
            });
            most = most.max(pairs.waiting_bytes);
        }
        assert!(most <= MAX_WAITING_BYTES, "{most}");
        assert!(shown > 400, "{shown}");
        assert_eq!(shown + pairs.unanswered().len(), 1500);
    }
}
