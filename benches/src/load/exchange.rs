//! What is asked over and over, and what has to come back.

use std::time::Duration;

use super::script::{Frame, ID_HEAD, ID_TAIL};

/// One request, or several packets sent together, and all replies to it.
#[derive(Debug, Clone)]
pub struct Exchange {
    pub(super) asked: Frame,
    pub(super) answers: Vec<Frame>,
    pub(super) segments: Segments,
    pub(super) ids: Ids,
}

/// How the bytes are cut when they are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Segments {
    /// As large as the system takes them.
    Whole,
    /// So many bytes at a time, with a pause, so that a server that keeps up reads them one by one.
    Paced {
        /// How many bytes.
        bytes: usize,
        /// The time between two writes. The generator spends it spinning: no timer is this short.
        pause: Duration,
    },
}

/// Whose ids the answers carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ids {
    /// Those of the requests.
    Asked,
    /// That of the first request, whatever was asked: the server looks at nothing.
    Canned,
}

impl Exchange {
    /// A request: its pattern and its data as JSON text. Say next what it is answered with.
    #[must_use]
    pub fn request(pattern: &str, data: &str) -> Self {
        Self {
            asked: Frame::new(
                &format!("{{\"pattern\":{pattern},\"data\":{data},\"id\":\"{ID_HEAD}"),
                "\"}",
            ),
            answers: Vec::new(),
            segments: Segments::Whole,
            ids: Ids::Asked,
        }
    }

    /// Has `count` events go before the request, in one piece with it.
    #[must_use]
    pub fn after_events(mut self, pattern: &str, data: &str, count: usize) -> Self {
        let event = Frame::text(&format!("{{\"pattern\":{pattern},\"data\":{data}}}"));
        self.asked.prepend(&event.repeat(count));
        self
    }

    /// The request is answered with one value, given as JSON text.
    #[must_use]
    pub fn answered(mut self, value: &str) -> Self {
        self.answers.push(Frame::new(
            &format!("{{\"response\":{value},\"isDisposed\":true,\"id\":\"{ID_HEAD}"),
            "\"}",
        ));
        self
    }

    /// The request is answered with these values, one packet each; the last one's carries the end.
    #[must_use]
    pub fn streamed(mut self, values: &[String]) -> Self {
        let (last, others) = values.split_last().expect("a stream with a value");
        let more = others.iter().map(|value| {
            let head = format!("{{\"response\":{value},\"id\":\"{ID_HEAD}");
            Frame::new(&head, "\"}")
        });
        self.answers.extend(more);
        self.answered(last)
    }

    /// Sends the request in small pieces.
    #[must_use]
    pub fn segments(mut self, segments: Segments) -> Self {
        self.segments = segments;
        self
    }

    /// The same for a server that sends the same bytes whatever it is asked. They still have to be the right ones.
    #[must_use]
    pub fn canned(mut self) -> Self {
        self.ids = Ids::Canned;
        self
    }

    /// How many bytes one request has on the wire, whichever its id.
    #[must_use]
    pub fn asked_bytes(&self) -> usize {
        self.asked.len()
    }

    /// Where in those bytes the id begins.
    #[must_use]
    pub fn asked_id_at(&self) -> usize {
        self.asked.tail_at() - ID_HEAD.len()
    }

    /// What answers the first request, as one text.
    #[must_use]
    pub fn canned_answer(&self) -> String {
        String::from_utf8(self.answers_first(1)).expect("frames are text")
    }

    /// The first `count` requests, as they would arrive together.
    #[must_use]
    pub fn asked_first(&self, count: usize) -> Vec<u8> {
        let asked = (0..count).map(|number| self.asked.with_tail(number));
        asked.collect::<Vec<_>>().concat()
    }

    /// All answers to those, in their order.
    #[must_use]
    pub fn answers_first(&self, count: usize) -> Vec<u8> {
        let all = (0..count).flat_map(|number| self.answers.iter().map(move |answer| answer.with_tail(number)));
        all.collect::<Vec<_>>().concat()
    }

    /// How many characters an id has.
    #[must_use]
    pub const fn id_length() -> usize {
        ID_HEAD.len() + ID_TAIL
    }
}
