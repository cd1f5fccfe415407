//! The pending calls: those that wait for a connection, for their packet to be written, or for a
//! reply. Plain data: no I/O, no tasks, no locks.
//!
//! No operation scans all pending calls: calls that end together are listed together.

use std::task::{Poll, Waker};

use slab::Slab;
use tokio::time::Instant;

use crate::{
    client::{
        CallError,
        channel::{
            answer::Answer,
            call_key::CallKey,
            call_state::CallState,
            listed::Listed,
            values::Clock,
            waiter::{ReplyMode, Waiter, is_refusal},
        },
    },
    compat::Compat,
    packet::{CallId, ReplyOutcome},
};

/// Pending calls by index. The id of a call contains its index, so that a reply needs no search for
/// its call.
#[derive(Debug)]
pub(in crate::client) struct PendingCalls {
    slab: Slab<Call>,
    /// Number of calls in each state.
    count: [usize; CallState::COUNT],
    /// Calls that need a connection and nothing else.
    awaiting_connection: Listed,
    /// Calls that were written.
    written: Listed,
    /// Number of full streams.
    full: usize,
    /// Number of calls so far: no two calls have the same id, even if they have the same index.
    begun: u64,
    /// Makes ids differ from those of other connections.
    salt: u128,
    compat: Compat,
}

#[derive(Debug)]
struct Call {
    /// Sequence number of the call.
    generation: u64,
    call_state: CallState,
    waiter: Waiter,
}

/// A packet that was not written and is handed back to its caller.
#[derive(Debug)]
pub(in crate::client) struct Returned {
    pub(in crate::client) packet: Vec<u8>,
    /// For a stream, the time from which its timeout counts.
    pub(in crate::client) since: Option<Instant>,
}

/// Wakers collected under the lock. They are woken after the lock is released, since waking may run
/// foreign code.
pub(in crate::client) type WakeList = Vec<Waker>;

/// What became of a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::client) enum Delivery {
    /// The reply belongs to no call.
    Stray,
    Delivered,
    /// The reply says that the service is stopping and accepts no more calls.
    Refusal,
}

/// Why a call is cancelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::client) enum CancelReason {
    /// The caller no longer waits. An event is sent all the same.
    Dropped,
    /// The timeout has expired. An event that is not written yet is not sent.
    TimedOut,
}

impl PendingCalls {
    pub(in crate::client) fn new(compat: Compat) -> Self {
        Self {
            slab: Slab::new(),
            count: [0; CallState::COUNT],
            awaiting_connection: Listed::default(),
            written: Listed::default(),
            full: 0,
            begun: 0,
            salt: fastrand::u128(..),
            compat,
        }
    }

    /// Adds a call. Returns its key.
    #[inline(always)]
    pub(in crate::client) fn insert(&mut self, call_state: CallState, waiter: Waiter) -> CallKey {
        self.begun += 1;
        self.count[call_state as usize] += 1;
        let generation = self.begun;
        let index = self.slab.insert(Call {
            generation,
            call_state,
            waiter,
        });
        let index = u32::try_from(index).expect("four thousand million calls do not fit into memory");
        CallKey { index, generation }
    }

    /// Adds a call that needs a connection and nothing else. Returns its key.
    pub(in crate::client) fn insert_awaiting_connection(&mut self, waiter: Waiter) -> CallKey {
        let key = self.insert(CallState::AwaitingConnection, waiter);
        self.awaiting_connection.push(key);
        let live = self.count(CallState::AwaitingConnection);
        let slab = &self.slab;
        self.awaiting_connection.tidy(live, |key| is_there(slab, key));
        key
    }

    /// Returns the id of a request: it looks random, is unique on this connection, and has the
    /// index of the call in its last digits.
    pub(in crate::client) fn id(&self, key: CallKey) -> CallId {
        // The generation goes into bits above the index that each form of an id has in one piece.
        let shift = if self.compat.has_uuids() { 80 } else { 32 };
        let bits = u128::from(key.generation) << shift | u128::from(key.index);
        CallId::of(self.compat, bits ^ self.salt)
    }

    /// Delivers a reply to its call, if there is one. Returns what became of the reply.
    pub(in crate::client) fn complete(
        &mut self,
        id: CallId,
        outcome: ReplyOutcome,
        clock: &mut Clock,
        woken: &mut WakeList,
    ) -> Delivery {
        let Some(key) = self.find(id) else {
            return Delivery::Stray;
        };
        match outcome {
            ReplyOutcome::Value(value) if self.ends_with_first(key) => {
                self.finish(key, |waiter| waiter.end(Ok(value)), woken);
            }
            ReplyOutcome::Value(value) => {
                let is_alone = self.is_alone();
                let call = &mut self.slab[key.index as usize];
                let (was_full, capacity) = call.fullness();
                if was_full && (!is_alone || call.is_overfull()) {
                    // Other calls must not wait for a caller that takes no values.
                    self.finish(
                        key,
                        |waiter| waiter.end(Err(CallError::StreamOverflow(capacity))),
                        woken,
                    );
                } else {
                    woken.extend(call.waiter.value(value, clock));
                    let (is_full, _) = call.fullness();
                    self.full += usize::from(is_full && !was_full);
                }
            }
            ReplyOutcome::Failed(err) if is_refusal(&err) => {
                self.finish(key, |waiter| waiter.outcome(ReplyOutcome::Failed(err)), woken);
                return Delivery::Refusal;
            }
            end => self.finish(key, |waiter| waiter.outcome(end), woken),
        }
        Delivery::Delivered
    }

    /// Marks the packet of a call as written. Returns the new state of the call, or `None` if the
    /// packet is no longer wanted.
    pub(in crate::client) fn write(&mut self, key: CallKey) -> Option<CallState> {
        let call_state = match self.call(key)?.call_state {
            CallState::Queued => CallState::AwaitingReply,
            CallState::QueuedEvent => CallState::Flushing,
            CallState::AwaitingConnection | CallState::AwaitingReply | CallState::Flushing | CallState::Done => {
                return None;
            }
        };
        self.advance(key, call_state);
        self.written.push(key);
        if self
            .written
            .is_untidy(self.count(CallState::AwaitingReply) + self.count(CallState::Flushing))
        {
            let slab = &self.slab;
            self.written.keep(|key| is_there(slab, key));
        }
        Some(call_state)
    }

    /// Ends a call successfully and without a value.
    pub(in crate::client) fn done(&mut self, key: CallKey, woken: &mut WakeList) {
        self.end(key, Ok(None), woken);
    }

    /// Ends a call that has not ended yet.
    pub(in crate::client) fn end(&mut self, key: CallKey, end: Answer, woken: &mut WakeList) {
        self.finish(key, |waiter| waiter.end(end), woken);
    }

    /// Ends all calls that need a connection and nothing else.
    pub(in crate::client) fn end_awaiting_connection(&mut self, end: &Answer, woken: &mut WakeList) {
        for key in self.awaiting_connection.drain() {
            self.end(key, end.clone(), woken);
        }
    }

    /// Ends all calls that were written.
    pub(in crate::client) fn end_written(&mut self, end: &Answer, woken: &mut WakeList) {
        for key in self.written.drain() {
            self.end(key, end.clone(), woken);
        }
    }

    /// Takes the wakers of the `queued` calls, and of all calls that need a connection and nothing
    /// else: one of their callers has to start a driver.
    pub(in crate::client) fn wake_waiting(&mut self, queued: impl Iterator<Item = CallKey>, woken: &mut WakeList) {
        let awaiting_connection = std::mem::take(&mut self.awaiting_connection);
        for key in queued.chain(awaiting_connection.iter()) {
            woken.extend(self.waiter(key).and_then(|waiter| waiter.waker.take()));
        }
        self.awaiting_connection = awaiting_connection;
    }

    /// Takes the end of a call and removes the call. Returns `None` if the call has not ended.
    #[inline]
    pub(in crate::client) fn take_end(&mut self, key: CallKey) -> Option<Answer> {
        let waiter = self.waiter(key).expect(THERE);
        // Checked in place, so that it is moved only once.
        if !matches!(waiter.wants, ReplyMode::Ended(_)) {
            return None;
        }
        match self.remove(key)?.wants {
            ReplyMode::Ended(end) => Some(end),
            _ => None,
        }
    }

    /// Hands the packet of a queued call back to its caller, which submits it to another
    /// connection. Removes the call if it is an event without a caller. Returns the packet in that
    /// case.
    pub(in crate::client) fn hand_back(
        &mut self,
        key: CallKey,
        packet: Vec<u8>,
        woken: &mut WakeList,
    ) -> Option<Vec<u8>> {
        let call = self.call(key).filter(|call| call.call_state.is_queued())?;
        if matches!(call.waiter.wants, ReplyMode::Nothing) {
            self.remove(key);
            return Some(packet);
        }
        woken.extend(call.waiter.hand_back(packet));
        self.advance(key, CallState::Done);
        None
    }

    /// Takes the packet of a call that was [handed back](Self::hand_back), and removes the call.
    /// Returns `None` if there is no such packet.
    pub(in crate::client) fn take_returned(&mut self, key: CallKey) -> Option<Returned> {
        let packet = self.waiter(key)?.take_returned()?;
        let since = self.since(key);
        self.remove(key)?;
        Some(Returned { packet, since })
    }

    /// Registers the waker of a caller. Returns the previous waker, which must be dropped after the
    /// lock is released.
    pub(in crate::client) fn watch(&mut self, key: CallKey, waker: &Waker) -> Option<Waker> {
        self.waiter(key).expect(THERE).watch(waker)
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

    /// Returns the time of a stream's last value, and `None` if the call is not a stream.
    pub(in crate::client) fn since(&mut self, key: CallKey) -> Option<Instant> {
        match &self.waiter(key)?.wants {
            ReplyMode::Each(values) => Some(values.since()),
            _ => None,
        }
    }

    /// Cancels a call. An event that continues without a caller stays; any other call is removed.
    /// Returns the state of a removed call, and the waiter of the call, which must be dropped after
    /// the lock is released.
    pub(in crate::client) fn cancel(
        &mut self,
        key: CallKey,
        because: CancelReason,
    ) -> (Option<CallState>, Option<Waiter>) {
        let Some(call) = self.call(key) else {
            return (None, None);
        };
        let call_state = call.call_state;
        let is_withdrawn = because == CancelReason::TimedOut && call_state.is_queued();
        if call_state.is_autonomous() && !is_withdrawn {
            let nobody = Waiter::new(ReplyMode::Nothing, None);
            return (None, Some(std::mem::replace(&mut call.waiter, nobody)));
        }
        (Some(call_state), self.remove(key))
    }

    pub(in crate::client) fn is_queued(&self, key: CallKey) -> bool {
        let call = self.slab.get(key.index as usize);
        call.is_some_and(|call| call.generation == key.generation && call.call_state.is_queued())
    }

    /// Returns the number of calls in this state.
    pub(in crate::client) const fn count(&self, call_state: CallState) -> usize {
        self.count[call_state as usize]
    }

    /// Returns true if the service should not be read: a stream is full, and no other call waits
    /// for anything.
    pub(in crate::client) const fn is_full(&self) -> bool {
        self.full > 0 && self.is_alone()
    }

    /// Returns true if at most one request awaits its reply and no request is queued.
    const fn is_alone(&self) -> bool {
        self.count(CallState::AwaitingReply) <= 1 && self.count(CallState::Queued) == 0
    }

    /// Returns true if the call ends with its first value. Later replies to it are strays.
    fn ends_with_first(&self, key: CallKey) -> bool {
        let call = self.slab.get(key.index as usize);
        call.is_some_and(|call| matches!(call.waiter.wants, ReplyMode::First))
    }

    /// Returns the key of the request that awaits a reply with this id.
    fn find(&self, id: CallId) -> Option<CallKey> {
        let index = id.last_digits() ^ self.salt as u32;
        let call = self.slab.get(index as usize)?;
        let key = CallKey {
            index,
            generation: call.generation,
        };
        (self.id(key) == id && call.call_state == CallState::AwaitingReply).then_some(key)
    }

    fn finish(&mut self, key: CallKey, end: impl FnOnce(&mut Waiter) -> Option<Waker>, woken: &mut WakeList) {
        let Some(call) = self.call(key).filter(|call| call.call_state != CallState::Done) else {
            return;
        };
        if matches!(call.waiter.wants, ReplyMode::Nothing) {
            self.remove(key);
            return;
        }
        let (was_full, _) = call.fullness();
        woken.extend(end(&mut call.waiter));
        self.full -= usize::from(was_full);
        self.advance(key, CallState::Done);
    }

    fn advance(&mut self, key: CallKey, call_state: CallState) {
        if let Some(call) = self.call(key) {
            let before = std::mem::replace(&mut call.call_state, call_state);
            self.count[before as usize] -= 1;
            self.count[call_state as usize] += 1;
        }
    }

    fn call(&mut self, key: CallKey) -> Option<&mut Call> {
        let call = self.slab.get_mut(key.index as usize)?;
        (call.generation == key.generation).then_some(call)
    }

    fn waiter(&mut self, key: CallKey) -> Option<&mut Waiter> {
        self.call(key).map(|call| &mut call.waiter)
    }

    fn remove(&mut self, key: CallKey) -> Option<Waiter> {
        let call = self.call(key)?;
        let (call_state, (is_full, _)) = (call.call_state, call.fullness());
        self.count[call_state as usize] -= 1;
        self.full -= usize::from(is_full);
        Some(self.slab.remove(key.index as usize).waiter)
    }
}

impl Call {
    /// Returns true if the call is a stream that holds far more than its capacity, because its
    /// connection had to be read although the stream was full.
    const fn is_overfull(&self) -> bool {
        matches!(&self.waiter.wants, ReplyMode::Each(values) if values.is_overfull())
    }

    /// Returns true if the call is a full stream, together with the capacity of the stream in
    /// bytes.
    const fn fullness(&self) -> (bool, usize) {
        match &self.waiter.wants {
            ReplyMode::Each(values) => (values.is_full(), values.capacity()),
            _ => (false, 0),
        }
    }
}

fn is_there(slab: &Slab<Call>, key: CallKey) -> bool {
    let call = slab.get(key.index as usize);
    call.is_some_and(|call| call.generation == key.generation && call.call_state != CallState::Done)
}

/// Why a key leads to its call: the caller that polls with the key is also the one that removes the
/// call.
const THERE: &str = "a call stays until its caller has seen the end";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        client::{DisconnectReason, channel::values::ReceivedValues},
        packet::RawJson,
    };

    fn asked(calls: &mut PendingCalls) -> CallKey {
        let waiter = Waiter::new(ReplyMode::Last { so_far: None }, None);
        let key = calls.insert(CallState::Queued, waiter);
        assert_eq!(calls.write(key), Some(CallState::AwaitingReply));
        key
    }

    fn json(text: &'static str) -> Option<RawJson> {
        Some(RawJson::new(text).expect("JSON"))
    }

    fn complete(calls: &mut PendingCalls, id: CallId, outcome: ReplyOutcome) -> bool {
        calls.complete(id, outcome, &mut Clock::default(), &mut WakeList::new()) == Delivery::Delivered
    }

    #[test]
    fn replies_find_their_calls_and_the_last_value_counts() {
        for compat in [Compat::Nest8, Compat::Nest12] {
            let mut calls = PendingCalls::new(compat);
            let (first, second) = (asked(&mut calls), asked(&mut calls));
            let (a, b) = (calls.id(first), calls.id(second));
            assert!(complete(&mut calls, a, ReplyOutcome::Value(json("\"x\""))));
            assert!(complete(&mut calls, b, ReplyOutcome::Completed(json("\"y\""))));
            assert!(calls.take_end(first).is_none(), "more may come");
            assert_eq!(calls.take_end(second).expect("told").expect("a value"), json("\"y\""));
            assert!(complete(&mut calls, a, ReplyOutcome::Completed(None)));
            assert_eq!(calls.take_end(first).expect("told").expect("a value"), json("\"x\""));
            assert!(calls.slab.is_empty());
        }
    }

    #[test]
    fn a_late_reply_is_not_taken_for_the_answer_of_the_call_that_has_its_place_now() {
        let mut calls = PendingCalls::new(Compat::Nest12);
        let gone = asked(&mut calls);
        let late = calls.id(gone);
        assert_eq!(
            calls.cancel(gone, CancelReason::Dropped).0,
            Some(CallState::AwaitingReply)
        );
        let next = asked(&mut calls);
        assert_eq!((next.index, calls.id(next) == late), (gone.index, false));
        assert!(!complete(&mut calls, late, ReplyOutcome::Completed(None)));
        assert!(calls.take_end(next).is_none());
    }

    #[test]
    fn replies_to_what_is_not_a_request_that_waits_are_ignored() {
        let mut calls = PendingCalls::new(Compat::Nest12);
        let queued = calls.insert(CallState::Queued, Waiter::new(ReplyMode::Last { so_far: None }, None));
        let answered = asked(&mut calls);
        let (early, twice) = (calls.id(queued), calls.id(answered));
        assert!(complete(&mut calls, twice, ReplyOutcome::Completed(json("1"))));
        for id in [early, twice, CallId::digits(7)] {
            assert!(!complete(&mut calls, id, ReplyOutcome::Completed(json("2"))));
        }
        assert_eq!(calls.take_end(answered).expect("told").expect("a value"), json("1"));
    }

    #[test]
    fn ids_of_one_link_are_all_different_and_those_of_two_links_too() {
        for compat in [Compat::Nest8, Compat::Nest12] {
            let mut ids = std::collections::HashSet::new();
            for _ in 0..2 {
                let mut calls = PendingCalls::new(compat);
                for _ in 0..1000 {
                    let key = asked(&mut calls);
                    assert!(ids.insert(calls.id(key)));
                    calls.cancel(key, CancelReason::Dropped);
                }
            }
        }
    }

    #[test]
    fn every_waiting_call_learns_why_the_link_died() {
        let mut calls = PendingCalls::new(Compat::Nest12);
        let waiting = [1, 2].map(|_| asked(&mut calls));
        let reason = Err(CallError::ConnectionClosed(DisconnectReason::ByPeer));
        calls.end_written(&reason, &mut WakeList::new());
        for key in waiting {
            let error = calls.take_end(key).expect("told").expect_err("failed");
            assert_eq!(error.to_string(), "Connection closed");
        }
        assert!(calls.slab.is_empty());
    }

    #[test]
    fn an_event_goes_on_without_its_sender_and_leaves_nothing_behind() {
        let mut calls = PendingCalls::new(Compat::Nest12);
        let event = calls.insert(CallState::QueuedEvent, Waiter::new(ReplyMode::Done, None));
        assert_eq!(calls.cancel(event, CancelReason::Dropped).0, None);
        assert_eq!(calls.write(event), Some(CallState::Flushing));
        calls.done(event, &mut WakeList::new());
        assert!(calls.slab.is_empty());
    }

    #[test]
    fn an_event_that_is_too_late_is_not_sent() {
        let mut calls = PendingCalls::new(Compat::Nest12);
        let event = calls.insert(CallState::QueuedEvent, Waiter::new(ReplyMode::Done, None));
        assert_eq!(
            calls.cancel(event, CancelReason::TimedOut).0,
            Some(CallState::QueuedEvent)
        );
        assert_eq!(calls.write(event), None);
        assert!(calls.slab.is_empty());
    }

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

    /// Among ten thousand calls of each kind, only the calls that end are visited.
    #[test]
    fn what_ends_together_is_listed_and_nothing_else_is() {
        const MANY: usize = 10_000;
        let mut calls = PendingCalls::new(Compat::Nest12);
        for _ in 0..MANY {
            calls.insert(CallState::Queued, Waiter::new(ReplyMode::Done, None));
        }
        for round in 0..MANY {
            let key = asked(&mut calls);
            let id = calls.id(key);
            complete(&mut calls, id, ReplyOutcome::Completed(None));
            calls.take_end(key).expect("an end").expect("no error");
            assert!(calls.written.iter().count() <= 100, "round {round}");
        }
        for _ in 0..MANY {
            let key = calls.insert_awaiting_connection(Waiter::new(ReplyMode::Done, None));
            calls.cancel(key, CancelReason::TimedOut);
            assert!(calls.awaiting_connection.iter().count() <= 100);
        }
        let waiting = [(); 3].map(|()| asked(&mut calls));
        let mut woken = WakeList::new();
        calls.end_written(&Ok(None), &mut woken);
        assert!(waiting.iter().all(|key| calls.take_end(*key).is_some()));
        assert_eq!(
            (calls.written.iter().count(), calls.count(CallState::Queued)),
            (0, MANY)
        );
    }
}
