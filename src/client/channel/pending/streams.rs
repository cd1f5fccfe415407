//! The values of streams. A stream whose caller takes no values is full at some point: then the
//! connection is not read, unless other calls wait for it.

use std::task::Poll;

use tokio::time::Instant;

use crate::{
    client::{
        CallError,
        channel::{
            pending::{PendingCalls, THERE, WakeList, call::CallKey},
            waiter::{Clock, ReplyMode},
        },
        error::Answer,
    },
    packet::RawJson,
};

impl PendingCalls {
    /// Stores a value that more values may follow. Ends the call instead if it is a full stream and
    /// the connection has to be read for other calls.
    pub(super) fn push_value(&mut self, key: CallKey, value: Option<RawJson>, clock: &mut Clock, woken: &mut WakeList) {
        let is_alone = self.is_alone();
        let call = &mut self.slab[key.index as usize];
        let (was_full, capacity) = call.fullness();
        if was_full && (!is_alone || call.is_overfull()) {
            // Other calls must not wait for a caller that takes no values.
            self.end(key, Err(CallError::StreamOverflow(capacity)), woken);
        } else {
            woken.extend(call.waiter.value(value, clock));
            let (is_full, _) = call.fullness();
            self.full += usize::from(is_full && !was_full);
        }
    }

    /// Takes the next value of a stream. Returns the value, or `None` at the end of the stream,
    /// together with true if the stream was full and has room again.
    pub(in crate::client) fn poll_next(&mut self, key: CallKey) -> (Poll<Option<Answer>>, bool) {
        let waiter = self.waiter(key).expect(THERE);
        let ReplyMode::Each(values) = &mut waiter.wants else {
            return (Poll::Pending, false);
        };
        let next = values.next().map_or(Poll::Pending, Poll::Ready);
        let has_room_again = values.make_room();
        self.full -= usize::from(has_room_again);
        (next, has_room_again)
    }

    /// Returns true if a stream has ended well and its values have been taken.
    pub(in crate::client) fn is_complete(&mut self, key: CallKey) -> bool {
        let waiter = self.waiter(key);
        waiter.is_some_and(|waiter| matches!(&waiter.wants, ReplyMode::Each(values) if values.is_complete()))
    }

    /// Returns the time of a stream's last value, and `None` if the call is not a stream.
    pub(in crate::client) fn since(&mut self, key: CallKey) -> Option<Instant> {
        match &self.waiter(key)?.wants {
            ReplyMode::Each(values) => Some(values.since()),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        client::channel::{
            pending::{
                CancelReason,
                call::CallState,
                tests::{asked, complete, json},
            },
            values::ReceivedValues,
            waiter::Waiter,
        },
        compat::Compat,
        packet::ReplyOutcome,
    };

    fn stream(calls: &mut PendingCalls, capacity: usize) -> CallKey {
        let values = ReceivedValues::new(capacity, Instant::now());
        let key = calls.insert(CallState::Queued, Waiter::new(ReplyMode::Each(Box::new(values)), None));
        calls.write(key);
        key
    }

    #[test]
    fn a_full_stream_waits_while_it_is_alone_and_ends_once_it_is_not() {
        let mut calls = PendingCalls::new(Compat::Nest12);
        let key = stream(&mut calls, 0);
        let id = calls.id(key);
        for _ in 0..3 {
            assert!(complete(&mut calls, id, ReplyOutcome::Value(json("1"))));
            assert!(calls.is_full());
        }
        let other = asked(&mut calls);
        assert!(!calls.is_full(), "the other one waits for its answer");
        assert!(complete(&mut calls, id, ReplyOutcome::Value(json("2"))));
        assert!(
            !complete(&mut calls, id, ReplyOutcome::Value(json("3"))),
            "it has ended"
        );
        for _ in 0..3 {
            let (next, _) = calls.poll_next(key);
            assert!(matches!(next, Poll::Ready(Some(Ok(value))) if value == json("1")));
        }
        let (end, _) = calls.poll_next(key);
        assert!(matches!(end, Poll::Ready(Some(Err(CallError::StreamOverflow(0))))));
        calls.cancel(other, CancelReason::Dropped);
        assert!(!calls.is_full());
    }

    #[test]
    fn a_full_stream_that_ends_or_goes_or_is_taken_is_full_no_more() {
        let mut calls = PendingCalls::new(Compat::Nest12);
        for end in 0..4 {
            let key = stream(&mut calls, 0);
            let id = calls.id(key);
            complete(&mut calls, id, ReplyOutcome::Value(json("1")));
            assert!(calls.is_full());
            match end {
                0 => assert!(complete(&mut calls, id, ReplyOutcome::Completed(None))),
                1 => calls.end_written(&Ok(None), &mut WakeList::new()),
                2 => assert!(matches!(calls.poll_next(key), (Poll::Ready(Some(Ok(_))), true))),
                _ => {}
            }
            calls.cancel(key, CancelReason::Dropped);
            assert!(!calls.is_full() && calls.full == 0 && calls.slab.is_empty());
        }
    }
}
