//! What a recording says of each pattern.

use std::collections::{BTreeMap, HashMap};

use nest_wire::{
    json::{self, Value},
    packet::RawJson,
};

use super::shape::Shape;
use crate::traffic::{
    entry::{Entry, Seen, What},
    packet::Kind,
};

/// The patterns of a recording, in alphabetical order.
#[derive(Default)]
pub(super) struct Patterns {
    pub(super) patterns: BTreeMap<String, Pattern>,
    /// The pattern of each call that waits for its last reply, and the number of its values so far.
    calls: HashMap<u64, (String, u64)>,
}

/// What is known of one pattern.
#[derive(Default)]
pub(super) struct Pattern {
    /// Numbers of calls and of events.
    pub(super) calls: u64,
    pub(super) events: u64,
    pub(super) errors: u64,
    pub(super) data: Shape,
    /// A packet had no data.
    pub(super) is_data_missing: bool,
    pub(super) reply: Shape,
    /// A call ended without a value.
    pub(super) is_reply_missing: bool,
    /// A call had several values.
    pub(super) is_stream: bool,
}

impl Patterns {
    pub(super) fn add(&mut self, entry: &Entry) {
        if let What::Packet(seen) = &entry.what {
            match seen.kind {
                Kind::Request | Kind::Event => self.request(seen),
                Kind::Broken | Kind::NoHandler => {}
                _ => self.reply(seen),
            }
        }
    }

    fn request(&mut self, seen: &Seen) {
        // A packet without a pattern reaches the fallback.
        let Some(name) = seen.pattern.as_deref().filter(|name| *name != "undefined") else {
            return;
        };
        let pattern = self.patterns.entry(name.to_owned()).or_default();
        match seen.kind {
            Kind::Event => pattern.events += 1,
            _ => pattern.calls += 1,
        }
        match &seen.payload {
            Some(data) => add(&mut pattern.data, data),
            None => pattern.is_data_missing = true,
        }
        if let Some(call) = seen.call {
            self.calls.insert(call, (name.to_owned(), 0));
        }
    }

    fn reply(&mut self, seen: &Seen) {
        let Some(call) = seen.call else {
            return;
        };
        let Some((name, values)) = self.calls.get_mut(&call) else {
            return;
        };
        *values += u64::from(matches!(seen.kind, Kind::Value | Kind::Last));
        let Some(pattern) = self.patterns.get_mut(name) else {
            return;
        };
        pattern.is_stream |= *values > 1;
        match (seen.kind, &seen.payload) {
            (Kind::Error, _) => pattern.errors += 1,
            (_, Some(value)) => add(&mut pattern.reply, value),
            (Kind::Completion, None) if *values > 0 => {}
            (_, None) => pattern.is_reply_missing = true,
        }
        if seen.kind.is_final() {
            self.calls.remove(&call);
        }
    }
}

fn add(shape: &mut Shape, text: &RawJson) {
    if let Ok(value) = json::parse(text.as_str()) {
        let is_canonical = Value::stringify(&value) == text.as_str();
        shape.add(&value, is_canonical);
    }
}
