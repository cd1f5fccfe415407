//! The values of a stream that its caller has not taken yet, up to a capacity. Plain data.

use std::collections::VecDeque;

use tokio::time::Instant;

use crate::{client::error::Answer, packet::RawJson};

/// Bytes that a value counts in addition to its JSON text: roughly the memory it takes.
const PER_VALUE: usize = 64;

/// Bytes beyond its capacity that a stream may hold in any case, while its connection has to be
/// read for other reasons.
const MIN_EXCESS: usize = 1024 * 1024;

#[derive(Debug)]
pub(in crate::client) struct ReceivedValues {
    queued: VecDeque<Option<RawJson>>,
    /// Number of queued bytes.
    bytes: usize,
    /// Maximum number of queued bytes; the stream is full if it is exceeded.
    capacity: usize,
    /// True if `capacity` was exceeded since at most half of it was last queued.
    is_full: bool,
    has_come: bool,
    /// Time of the last value, of the request, or of the resumption of reading after a pause,
    /// whichever is the latest.
    since: Instant,
    end: Option<Answer>,
    /// True if the caller wants the packets of the reply as they came.
    pub(in crate::client) wants_packets: bool,
    /// The packet, if it was not written and the caller has to submit it to another connection.
    pub(in crate::client) returned: Option<Vec<u8>>,
}

impl ReceivedValues {
    pub(in crate::client) const fn new(capacity: usize, since: Instant) -> Self {
        Self {
            queued: VecDeque::new(),
            bytes: 0,
            capacity,
            is_full: false,
            has_come: false,
            since,
            end: None,
            wants_packets: false,
            returned: None,
        }
    }

    /// As [`new`](Self::new), for a caller that wants the packets as they came.
    pub(in crate::client) fn whole_packets(capacity: usize, since: Instant) -> Self {
        let mut values = Self::new(capacity, since);
        values.wants_packets = true;
        values
    }

    pub(in crate::client) fn push(&mut self, value: Option<RawJson>, now: Instant) {
        self.since = now;
        self.queue(value);
    }

    /// Queues the value that came with the end, if there is one. It needs no room, since nothing
    /// follows it.
    pub(in crate::client) fn push_last(&mut self, value: Option<RawJson>) {
        if value.is_some() {
            self.queue(value);
        }
    }

    pub(in crate::client) fn end(&mut self, end: Answer) {
        self.is_full = false;
        self.end = Some(end);
    }

    /// Takes the next value. Returns `None` if there is none yet, and `Some(None)` at the end of
    /// the stream.
    pub(in crate::client) fn next(&mut self) -> Option<Option<Answer>> {
        if let Some(value) = self.queued.pop_front() {
            self.bytes -= size(value.as_ref());
            return Some(Some(Ok(value)));
        }
        match self.end.take()? {
            Ok(_) => Some(None),
            Err(error) => Some(Some(Err(error))),
        }
    }

    /// Marks the stream as no longer full once at most half of its capacity is queued. Returns true
    /// if the stream was full and now has room.
    pub(in crate::client) fn make_room(&mut self) -> bool {
        let has_room = self.is_full && self.bytes <= self.capacity / 2;
        if has_room {
            self.is_full = false;
            // The service was not silent: its connection was not read.
            self.since = Instant::now();
        }
        has_room
    }

    pub(in crate::client) const fn is_full(&self) -> bool {
        self.is_full
    }

    /// Returns true if the queued bytes exceed the capacity by more than the capacity itself, and
    /// by more than 1 MiB.
    pub(in crate::client) const fn is_overfull(&self) -> bool {
        let excess = if self.capacity > MIN_EXCESS {
            self.capacity
        } else {
            MIN_EXCESS
        };
        self.bytes.saturating_sub(self.capacity) > excess
    }

    /// Returns true if the stream has ended well and its values have been taken.
    pub(in crate::client) fn is_complete(&self) -> bool {
        self.queued.is_empty() && matches!(self.end, Some(Ok(_)))
    }

    /// Returns true if a value has arrived.
    pub(in crate::client) const fn have_come(&self) -> bool {
        self.has_come
    }

    pub(in crate::client) const fn since(&self) -> Instant {
        self.since
    }

    pub(in crate::client) const fn capacity(&self) -> usize {
        self.capacity
    }

    fn queue(&mut self, value: Option<RawJson>) {
        self.has_come = true;
        self.bytes += size(value.as_ref());
        self.is_full |= self.bytes > self.capacity;
        self.queued.push_back(value);
    }
}

fn size(value: Option<&RawJson>) -> usize {
    PER_VALUE + value.map_or(0, |value| value.as_str().len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(capacity: usize) -> ReceivedValues {
        ReceivedValues::new(capacity, Instant::now())
    }

    fn push(values: &mut ReceivedValues, text: &'static str) {
        values.push(Some(RawJson::new(text).expect("JSON")), Instant::now());
    }

    #[test]
    fn a_stream_is_full_past_its_capacity_and_has_room_again_at_half_of_it() {
        let mut values = values(4 * (PER_VALUE + 1));
        (0..4).for_each(|_| push(&mut values, "1"));
        assert!(!values.is_full());
        push(&mut values, "1");
        assert!(values.is_full());
        for _ in 0..2 {
            values.next().expect("a value");
            assert!(!values.make_room(), "more than half is there");
        }
        values.next().expect("a value");
        assert!(values.make_room() && !values.is_full());
        assert!(!values.make_room(), "it had room");
    }

    #[test]
    fn a_stream_without_capacity_is_full_while_anything_is_there() {
        let mut values = values(0);
        for _ in 0..3 {
            push(&mut values, "1");
            assert!(values.is_full() && !values.make_room());
            values.next().expect("a value");
            assert!(values.make_room());
        }
    }

    #[test]
    fn an_end_follows_the_values_and_needs_no_room() {
        let mut values = values(0);
        push(&mut values, "1");
        values.push_last(Some(RawJson::null()));
        values.end(Ok(None));
        assert!(!values.is_full());
        assert!(matches!(values.next(), Some(Some(Ok(Some(_))))));
        assert!(matches!(values.next(), Some(Some(Ok(Some(_))))));
        assert!(matches!(values.next(), Some(None)));
        assert!(values.next().is_none());
    }
}
