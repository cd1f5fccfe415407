//! The repeated request and its expected replies.

use std::time::Duration;

use crate::frame::{Frame, ID_HEAD, ID_TAIL};

/// One request, or several packets sent together, and all its replies.
#[derive(Debug, Clone)]
pub struct Exchange {
    pub(super) asked: Frame,
    pub(super) answers: Vec<Frame>,
    pub(super) segments: Segments,
    pub(super) ids: Ids,
}

/// The way in which written bytes are cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Segments {
    /// As large as the system accepts them.
    Whole,
    /// Small pieces with pauses, so that a server that keeps up reads them one by one.
    Paced {
        /// Number of bytes of a piece.
        bytes: usize,
        /// The time between two writes. The generator spins meanwhile, since no timer is this
        /// short.
        pause: Duration,
    },
}

/// The ids of the replies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ids {
    /// The ids of the requests.
    Asked,
    /// The id of the first request in every reply, from a server that does not read requests.
    Canned,
}

impl Exchange {
    /// Makes a request from its pattern and its data, both JSON text. Define its replies next.
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

    /// Sends `count` events before the request, in one piece with it.
    #[must_use]
    pub fn after_events(mut self, pattern: &str, data: &str, count: usize) -> Self {
        let event = Frame::text(&format!("{{\"pattern\":{pattern},\"data\":{data}}}"));
        self.asked.prepend(&event.repeat(count));
        self
    }

    /// Expects one value, given as JSON text.
    #[must_use]
    pub fn answered(mut self, value: &str) -> Self {
        self.answers.push(Frame::new(
            &format!("{{\"response\":{value},\"isDisposed\":true,\"id\":\"{ID_HEAD}"),
            "\"}",
        ));
        self
    }

    /// Expects these values, one packet each. The last packet also ends the reply.
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

    /// Expects the same bytes for every request. They must still be the right ones.
    #[must_use]
    pub fn canned(mut self) -> Self {
        self.ids = Ids::Canned;
        self
    }

    /// Returns the number of bytes of one request on the wire, whatever its id.
    #[must_use]
    pub fn asked_bytes(&self) -> usize {
        self.asked.len()
    }

    /// Returns the position of the id in these bytes.
    #[must_use]
    pub fn asked_id_at(&self) -> usize {
        self.asked.tail_at() - ID_HEAD.len()
    }

    /// Returns the replies to the first request, as one text.
    #[must_use]
    pub fn canned_answer(&self) -> String {
        String::from_utf8(self.answers_first(1)).expect("frames are text")
    }

    /// Returns the first `count` requests, as they would arrive together.
    #[must_use]
    pub fn asked_first(&self, count: usize) -> Vec<u8> {
        let asked = (0..count).map(|number| self.asked.with_tail(number));
        asked.collect::<Vec<_>>().concat()
    }

    /// Returns all replies to those requests, in order.
    #[must_use]
    pub fn answers_first(&self, count: usize) -> Vec<u8> {
        let all = (0..count).flat_map(|number| self.answers.iter().map(move |answer| answer.with_tail(number)));
        all.collect::<Vec<_>>().concat()
    }

    /// Returns the number of characters of an id.
    #[must_use]
    pub const fn id_length() -> usize {
        ID_HEAD.len() + ID_TAIL
    }
}
