//! The table of pending calls: those that wait for a connection, for their packet to be written, or
//! for a reply. Plain data: no I/O, no tasks, no locks.
//!
//! No operation scans all pending calls: calls that end together are listed together.
//!
//! - [`replies`]: how a reply finds its call by the id;
//! - [`streams`]: the values of streams, and when one is full;
//! - [`reconnecting`]: what the end of a connection, and the next one, mean for the calls.

pub(in crate::client) mod call;
pub(in crate::client) mod reconnecting;
pub(in crate::client) mod replies;
mod streams;

use std::task::Waker;

use slab::Slab;

use crate::{
    client::{
        CallError,
        channel::{
            pending::call::{Call, CallKey, CallState, Listed},
            waiter::{End, ReplyMode, Returned, Waiter},
        },
        error::Answer,
    },
    compat::Compat,
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

/// Wakers collected under the lock. They are woken after the lock is released, since waking may run
/// foreign code.
pub(in crate::client) type WakeList = Vec<Waker>;

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
        let live = self.count(CallState::AwaitingReply) + self.count(CallState::Flushing);
        let slab = &self.slab;
        self.written.tidy(live, |key| is_there(slab, key));
        Some(call_state)
    }

    /// Ends a call that has not ended yet.
    pub(in crate::client) fn end(&mut self, key: CallKey, end: Answer, woken: &mut WakeList) {
        self.finish(key, |waiter| waiter.end(end), woken);
    }

    /// Takes the end of a call that is no stream, or its packet if that was
    /// [handed back](Self::hand_back), and removes the call. Returns `None` if the call has not
    /// ended.
    #[inline]
    pub(in crate::client) fn take_end(&mut self, key: CallKey) -> Option<Result<End, CallError>> {
        let waiter = self.waiter(key).expect(THERE);
        // Checked in place, so that it is moved only once.
        if !matches!(waiter.wants, ReplyMode::Ended(_) | ReplyMode::Returned(_)) {
            return None;
        }
        match self.remove(key)?.wants {
            ReplyMode::Ended(end) => Some(end.map(End::Value)),
            ReplyMode::Returned(packet) => Some(Ok(End::Returned(Returned { packet, since: None }))),
            _ => None,
        }
    }

    /// Registers the waker of a caller. Returns the previous waker, which must be dropped after the
    /// lock is released.
    pub(in crate::client) fn watch(&mut self, key: CallKey, waker: &Waker) -> Option<Waker> {
        self.waiter(key).expect(THERE).watch(waker)
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
        client::{
            DisconnectReason,
            channel::{pending::replies::Delivery, waiter::Clock},
        },
        packet::{CallId, RawJson, ReplyOutcome},
    };

    pub(super) fn asked(calls: &mut PendingCalls) -> CallKey {
        let waiter = Waiter::new(ReplyMode::Last { so_far: None }, None);
        let key = calls.insert(CallState::Queued, waiter);
        assert_eq!(calls.write(key), Some(CallState::AwaitingReply));
        key
    }

    pub(super) fn json(text: &'static str) -> Option<RawJson> {
        Some(RawJson::new(text).expect("JSON"))
    }

    /// Takes the value that a call has ended with.
    pub(super) fn value(calls: &mut PendingCalls, key: CallKey) -> Option<RawJson> {
        match calls.take_end(key) {
            Some(Ok(End::Value(value))) => value,
            end => panic!("{end:?}"),
        }
    }

    pub(super) fn complete(calls: &mut PendingCalls, id: CallId, outcome: ReplyOutcome) -> bool {
        calls.complete(id, outcome, &mut Clock::default(), &mut WakeList::new()) == Delivery::Delivered
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
        calls.end(event, Ok(None), &mut WakeList::new());
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
