//! The recorded calls by their question, for a stand-in that answers them.

use std::{
    collections::{HashMap, VecDeque},
    time::Duration,
};

use nest_wire::{
    json::{self, Value},
    recording::{Content, Event, Side},
};

use crate::{
    failure::Failure,
    plural::counted,
    pointer::Pointer,
    traffic::{
        frames::{Frames, Piece},
        packet::{Kind, Packet},
        text,
    },
};

/// What is done when a request is asked more often than it was recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(crate) enum Repeat {
    /// It gets the last recorded answer again
    Last,
    /// It gets the recorded answers from the first one on again
    Cycle,
    /// It is an unknown request
    #[default]
    Error,
}

/// The recorded answers to one question, in order.
#[derive(Debug, Default)]
struct Page {
    pattern: String,
    data: String,
    answers: VecDeque<Vec<Answer>>,
    /// Number of answers given.
    used: usize,
}

/// One reply packet.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Answer {
    pub(super) text: String,
    /// Time after the request.
    pub(super) after: Duration,
}

/// All recorded calls.
#[derive(Debug, Default)]
pub(super) struct Book {
    pages: HashMap<String, Page>,
    /// Number of recorded answers that nobody asked for.
    unused: usize,
    repeat: Repeat,
    ignored: Vec<Pointer>,
}

impl Book {
    /// Reads a recording. Members of requests that `ignored` names are no part of the question.
    pub(super) fn read(
        events: impl Iterator<Item = Result<Event, Failure>>,
        repeat: Repeat,
        ignored: Vec<Pointer>,
    ) -> Result<Self, Failure> {
        let mut book = Self {
            repeat,
            ignored,
            ..Self::default()
        };
        let mut connections: HashMap<u32, Recorded> = HashMap::new();
        for event in events {
            let event = event?;
            if let Content::Segment(bytes) = &event.content {
                connections
                    .entry(event.connection)
                    .or_default()
                    .read(&event, bytes, &mut book);
            }
        }
        // Calls without a last reply: what came of them is all there is.
        for call in connections
            .into_values()
            .flat_map(|connection| connection.calls.into_values())
        {
            if !call.answers.is_empty() {
                book.add(call);
            }
        }
        Ok(book)
    }

    fn add(&mut self, call: RecordedCall) {
        let key = self.key(&call.pattern, &call.text);
        let page = self.pages.entry(key).or_default();
        (page.pattern, page.data) = (call.pattern, call.data);
        page.answers.push_back(call.answers);
        self.unused += 1;
    }

    /// Returns what a question is found by: the route and the data by value.
    fn key(&self, pattern: &str, text: &str) -> String {
        let mut text = text.to_owned();
        for pointer in &self.ignored {
            for place in pointer.find(&text).unwrap_or_default().into_iter().rev() {
                text.replace_range(place, "0");
            }
        }
        let data = Packet::read(Side::Caller, &text).and_then(|packet| packet.payload);
        let data = data.map_or_else(|| "undefined".to_owned(), |data| canonical(data.as_str()));
        format!("{pattern}\0{data}")
    }

    /// Returns the replies to a request, in the order of the recording, or `None` if it is unknown.
    pub(super) fn answer(&mut self, pattern: &str, text: &str) -> Option<Vec<Answer>> {
        let key = self.key(pattern, text);
        let page = self.pages.get_mut(&key)?;
        let count = page.answers.len();
        let index = match (page.used < count, self.repeat) {
            (true, _) => page.used,
            (false, Repeat::Last) => count - 1,
            (false, Repeat::Cycle) => page.used % count,
            (false, Repeat::Error) => return None,
        };
        self.unused -= usize::from(page.used < count);
        page.used += 1;
        page.answers.get(index).cloned()
    }

    /// Returns the number of recorded answers that nobody asked for.
    pub(super) fn unused(&self) -> usize {
        self.unused
    }

    pub(super) fn is_empty(&self) -> bool {
        self.pages.is_empty()
    }

    /// Says which recorded call is nearest to an unknown request.
    pub(super) fn nearest(&self, pattern: &str, data: &str) -> String {
        let of_pattern = self.pages.values().filter(|page| page.pattern == pattern);
        let by_data =
            of_pattern.min_by_key(|page| (strsim::levenshtein(head(&page.data), head(data)), page.data.clone()));
        if let Some(page) = by_data {
            return match canonical(&page.data) == canonical(data) {
                true => format!("it was recorded {} only", counted(page.answers.len() as u64, "time")),
                false => format!("the nearest recorded call is {pattern} {}", page.data),
            };
        }
        let by_pattern = self.pages.values().min_by_key(|page| {
            (
                strsim::levenshtein(head(&page.pattern), head(pattern)),
                page.pattern.clone(),
            )
        });
        by_pattern.map_or_else(String::new, |page| {
            format!("the nearest recorded call is {} {}", page.pattern, page.data)
        })
    }
}

/// Maximum number of bytes of a text that are compared to find the nearest one.
const COMPARED: usize = 500;

fn head(text: &str) -> &str {
    text::head(text, COMPARED)
}

/// Returns JSON so that equal values have equal texts: keys in order, numbers as JavaScript writes
/// them.
fn canonical(text: &str) -> String {
    match json::parse(text) {
        Ok(value) => sorted(&value).stringify(),
        Err(_) => text.to_owned(),
    }
}

/// Depth beyond which keys keep their order.
const MAX_SORTED_DEPTH: usize = 200;

fn sorted(value: &Value) -> Value {
    fn at(value: &Value, depth: usize) -> Value {
        match value {
            Value::Object(object) if depth < MAX_SORTED_DEPTH => {
                let mut members: Vec<_> = object.iter().collect();
                members.sort_by_key(|(key, _)| key.to_string_lossy().into_owned());
                let members = members
                    .into_iter()
                    .map(|(key, value)| (key.clone(), at(value, depth + 1)));
                Value::Object(members.collect())
            }
            Value::Array(array) if depth < MAX_SORTED_DEPTH => {
                Value::Array(array.iter().map(|value| at(value, depth + 1)).collect())
            }
            other => other.clone(),
        }
    }
    at(value, 0)
}

/// A recorded connection while it is read.
#[derive(Default)]
struct Recorded {
    caller: Frames,
    service: Frames,
    calls: HashMap<String, RecordedCall>,
}

struct RecordedCall {
    pattern: String,
    data: String,
    text: String,
    at: Option<Duration>,
    answers: Vec<Answer>,
}

impl Recorded {
    fn read(&mut self, event: &Event, bytes: &[u8], book: &mut Book) {
        let frames = match event.from {
            Side::Caller => &mut self.caller,
            Side::Service => &mut self.service,
        };
        frames.push(bytes);
        let mut texts = Vec::new();
        while let Some(piece) = frames.next() {
            if let Piece::Frame(frame) = piece {
                texts.push(frame.text);
            }
        }
        for text in texts {
            match event.from {
                Side::Caller => self.request(event, text),
                Side::Service => self.reply(event, text, book),
            }
        }
    }

    fn request(&mut self, event: &Event, text: String) {
        if let Some(Packet {
            kind: Kind::Request,
            id: Some(id),
            pattern,
            payload,
            ..
        }) = Packet::read(Side::Caller, &text)
        {
            let call = RecordedCall {
                pattern: pattern.unwrap_or_default(),
                data: payload.map(|data| data.to_string()).unwrap_or_default(),
                text,
                at: event.at,
                answers: Vec::new(),
            };
            self.calls.insert(id.to_string(), call);
        }
    }

    fn reply(&mut self, event: &Event, text: String, book: &mut Book) {
        let Some(Packet { kind, id: Some(id), .. }) = Packet::read(Side::Service, &text) else {
            return;
        };
        let id = id.to_string();
        if let Some(call) = self.calls.get_mut(&id) {
            let after = event
                .at
                .zip(call.at)
                .map_or(Duration::ZERO, |(now, then)| now.saturating_sub(then));
            call.answers.push(Answer { text, after });
            if kind.is_final()
                && let Some(call) = self.calls.remove(&id)
            {
                book.add(call);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::BytesMut;

    use super::*;

    fn book(calls: &[(&str, &str)], repeat: Repeat) -> Book {
        let mut events = Vec::new();
        for (index, (request, reply)) in calls.iter().enumerate() {
            let id = format!("{index}");
            for (from, text) in [(Side::Caller, request), (Side::Service, reply)] {
                let mut bytes = BytesMut::new();
                nest_wire::codec::encode(&text.replace("ID", &id), &mut bytes);
                events.push(Ok(Event::new(1, from, Content::Segment(bytes.freeze()))));
            }
        }
        Book::read(events.into_iter(), repeat, Vec::new()).expect("events")
    }

    fn answers(book: &mut Book, pattern: &str, text: &str, times: usize) -> Vec<Option<String>> {
        let ask = |_| book.answer(pattern, text).map(|answers| answers[0].text.clone());
        (0..times).map(ask).collect()
    }

    const ASK: &str = r#"{"pattern":"find","data":{"a":1,"b":2},"id":"ID"}"#;
    const ONE: &str = r#"{"response":1,"isDisposed":true,"id":"ID"}"#;
    const TWO: &str = r#"{"response":2,"isDisposed":true,"id":"ID"}"#;

    #[test]
    fn the_same_request_recorded_twice_is_a_sequence() {
        let (one, two) = (Some(ONE.replace("ID", "0")), Some(TWO.replace("ID", "1")));
        let asked = r#"{"id":"z","pattern":"find","data":{"b":2.0,"a":1}}"#;
        for (repeat, expected) in [
            (Repeat::Error, [one.clone(), two.clone(), None, None]),
            (Repeat::Last, [one.clone(), two.clone(), two.clone(), two.clone()]),
            (Repeat::Cycle, [one.clone(), two.clone(), one.clone(), two.clone()]),
        ] {
            let mut book = book(&[(ASK, ONE), (ASK, TWO)], repeat);
            assert_eq!(answers(&mut book, "find", asked, 4), expected, "{repeat:?}");
            assert_eq!(book.unused(), 0);
        }
    }

    #[test]
    fn the_nearest_call_is_of_the_same_pattern_if_there_is_one() {
        let other = r#"{"pattern":"found","data":7,"id":"ID"}"#;
        let mut book = book(&[(ASK, ONE), (other, TWO)], Repeat::Error);
        assert_eq!(
            book.nearest("find", "{}"),
            r#"the nearest recorded call is find {"a":1,"b":2}"#
        );
        assert_eq!(book.nearest("foun", "8"), "the nearest recorded call is found 7");
        assert_eq!(book.nearest("find", r#"{"b":2,"a":1}"#), "it was recorded 1 time only");
        assert!(book.answer("find", r#"{"pattern":"find","data":{},"id":1}"#).is_none());
    }
}
