//! All who wait: for a link, for their packet to be written, for an answer. Plain data: no I/O, no tasks, no locks.

use std::task::{Poll, Waker};

use slab::Slab;
use tokio::time::Instant;

use super::{
    limit::Limit,
    stage::Stage,
    waiter::{Answer, Waiter, Wants},
};
use crate::{
    compat::Compat,
    packet::{CallId, Outcome},
};

/// Callers in numbered places, so that an id leads to its caller without a search: it has the number in it.
#[derive(Debug)]
pub(super) struct Calls {
    places: Slab<Call>,
    /// How many of them are at each stage.
    count: [usize; Stage::COUNT],
    /// How many there have been: no two have the same id, whichever places they have.
    begun: u64,
    /// Makes ids differ from those of other links.
    salt: u128,
    compat: Compat,
}

#[derive(Debug)]
struct Call {
    /// The how-manieth it is.
    number: u64,
    stage: Stage,
    waiter: Waiter,
}

/// What leads to a caller. It may be gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Key {
    place: u32,
    number: u64,
}

/// A packet that was not written, given back to its caller.
#[derive(Debug)]
pub(super) struct Returned {
    pub(super) packet: Vec<u8>,
    pub(super) limit: Limit,
}

/// Whom to wake. That is done, as all that may run code of theirs, when no lock is held.
pub(super) type Woken = Vec<Waker>;

impl Calls {
    pub(super) fn new(compat: Compat) -> Self {
        Self {
            places: Slab::new(),
            count: [0; Stage::COUNT],
            begun: 0,
            salt: fastrand::u128(..),
            compat,
        }
    }

    #[inline(always)]
    pub(super) fn begin(&mut self, stage: Stage, waiter: Waiter) -> Key {
        self.begun += 1;
        self.count[stage as usize] += 1;
        let number = self.begun;
        let place = self.places.insert(Call { number, stage, waiter });
        let place = u32::try_from(place).expect("four thousand million calls do not fit into memory");
        Key { place, number }
    }

    /// Its request's id: as if drawn at random, unlike any other of this link, with the place in its last digits.
    pub(super) fn id(&self, key: Key) -> CallId {
        // The bits above the place that both forms of an id have, in one piece.
        let shift = if self.compat.has_uuids() { 80 } else { 32 };
        let bits = u128::from(key.number) << shift | u128::from(key.place);
        CallId::of(self.compat, bits ^ self.salt)
    }

    /// Hands a reply to the call it belongs to, if there is one.
    pub(super) fn deliver(&mut self, id: CallId, outcome: Outcome, now: Instant, woken: &mut Woken) -> bool {
        let Some(key) = self.find(id) else {
            return false;
        };
        match outcome {
            Outcome::Value(value) => woken.extend(self.waiter(key).and_then(|waiter| waiter.value(value, now))),
            end => self.finish(key, |waiter| waiter.outcome(end), woken),
        }
        true
    }

    /// The packet goes out; how far its call has come by that, unless it is not wanted any more.
    pub(super) fn write(&mut self, key: Key) -> Option<Stage> {
        let stage = match self.call(key)?.stage {
            Stage::Queued => Stage::Asked,
            Stage::QueuedEvent => Stage::Leaving,
            Stage::Linking | Stage::Asked | Stage::Leaving | Stage::Over => return None,
        };
        self.advance(key, stage);
        Some(stage)
    }

    /// What was to be done is done.
    pub(super) fn done(&mut self, key: Key, woken: &mut Woken) {
        self.finish(key, |waiter| waiter.end(Ok(None)), woken);
    }

    /// Ends all those at these stages.
    pub(super) fn end_all(&mut self, stages: &[Stage], end: &Answer, woken: &mut Woken) {
        if stages.iter().any(|stage| self.count(*stage) > 0) {
            for key in self.keys(|call| stages.contains(&call.stage)) {
                self.finish(key, |waiter| waiter.end(end.clone()), woken);
            }
        }
    }

    /// Starts the patience of a call; when it ends.
    pub(super) fn start(&mut self, key: Key, now: Instant) -> Option<Instant> {
        let limit = &mut self.waiter(key)?.limit;
        limit.start(now);
        limit.deadline()
    }

    /// Tells those whose time is over; when the next one's is.
    pub(super) fn expire(&mut self, now: Instant, woken: &mut Woken) -> Option<Instant> {
        let mut next = None;
        for key in self.keys(|call| call.stage != Stage::Over && call.waiter.limit.is_overdue(now, &mut next)) {
            self.finish(key, |waiter| waiter.end(Err(waiter.limit.timed_out())), woken);
        }
        next
    }

    /// How the call ended, if it has; it is gone then.
    #[inline]
    pub(super) fn take_end(&mut self, key: Key) -> Option<Answer> {
        let waiter = self.waiter(key).expect(THERE);
        // Looked at where it is, and then moved once.
        if !matches!(waiter.wants, Wants::Told(_)) {
            return None;
        }
        match self.remove(key)?.wants {
            Wants::Told(end) => Some(end),
            _ => None,
        }
    }

    /// Gives the packet of a queued call back to its caller, which puts it down elsewhere. Returns the packet if there is no
    /// caller any more and it is wanted all the same.
    pub(super) fn hand_back(&mut self, key: Key, packet: Vec<u8>, woken: &mut Woken) -> Option<Vec<u8>> {
        let call = self.call(key).filter(|call| call.stage.is_queued())?;
        if matches!(call.waiter.wants, Wants::Nothing) {
            return Some(packet);
        }
        woken.extend(call.waiter.hand_back(packet));
        self.advance(key, Stage::Over);
        None
    }

    /// Returns the packet of a call, and how long it may still take, if it was [given back](Self::hand_back). The call is
    /// gone then.
    pub(super) fn take_returned(&mut self, key: Key) -> Option<Returned> {
        let packet = self.waiter(key)?.take_returned()?;
        let limit = self.remove(key)?.limit;
        Some(Returned { packet, limit })
    }

    /// This one is to be woken; the one that was before, to be dropped where no lock is held.
    pub(super) fn watch(&mut self, key: Key, waker: &Waker) -> Option<Waker> {
        self.waiter(key).expect(THERE).watch(waker)
    }

    /// As [`poll_end`](Self::poll_end), the next value of a stream; its end is `None`.
    pub(super) fn poll_next(&mut self, key: Key, waker: &Waker) -> (Poll<Option<Answer>>, Option<Waker>) {
        let waiter = self.waiter(key).expect(THERE);
        let next = match &mut waiter.wants {
            Wants::Each(values) => values.next(),
            _ => None,
        };
        match next {
            Some(next) => (Poll::Ready(next), None),
            None => (Poll::Pending, waiter.watch(waker)),
        }
    }

    /// The caller has gone. What goes on without it stays; else how far the call had come, and what there was of it, to
    /// be dropped where no lock is held.
    pub(super) fn give_up(&mut self, key: Key) -> (Option<Stage>, Option<Waiter>) {
        let Some(call) = self.call(key) else {
            return (None, None);
        };
        let stage = call.stage;
        if stage.is_autonomous() {
            let nobody = Waiter::new(Wants::Nothing, call.waiter.limit, None);
            return (None, Some(std::mem::replace(&mut call.waiter, nobody)));
        }
        (Some(stage), self.remove(key))
    }

    pub(super) fn is_queued(&self, key: Key) -> bool {
        let call = self.places.get(key.place as usize);
        call.is_some_and(|call| call.number == key.number && call.stage.is_queued())
    }

    /// How many are at this stage.
    pub(super) const fn count(&self, stage: Stage) -> usize {
        self.count[stage as usize]
    }

    fn find(&self, id: CallId) -> Option<Key> {
        let place = id.last_digits() ^ self.salt as u32;
        let call = self.places.get(place as usize)?;
        let key = Key {
            place,
            number: call.number,
        };
        (self.id(key) == id && call.stage == Stage::Asked).then_some(key)
    }

    fn finish(&mut self, key: Key, end: impl FnOnce(&mut Waiter) -> Option<Waker>, woken: &mut Woken) {
        let Some(call) = self.call(key).filter(|call| call.stage != Stage::Over) else {
            return;
        };
        if matches!(call.waiter.wants, Wants::Nothing) {
            self.remove(key);
            return;
        }
        woken.extend(end(&mut call.waiter));
        self.advance(key, Stage::Over);
    }

    fn advance(&mut self, key: Key, stage: Stage) {
        if let Some(call) = self.call(key) {
            let before = std::mem::replace(&mut call.stage, stage);
            self.count[before as usize] -= 1;
            self.count[stage as usize] += 1;
        }
    }

    fn call(&mut self, key: Key) -> Option<&mut Call> {
        let call = self.places.get_mut(key.place as usize)?;
        (call.number == key.number).then_some(call)
    }

    fn waiter(&mut self, key: Key) -> Option<&mut Waiter> {
        self.call(key).map(|call| &mut call.waiter)
    }

    fn remove(&mut self, key: Key) -> Option<Waiter> {
        let stage = self.call(key)?.stage;
        self.count[stage as usize] -= 1;
        Some(self.places.remove(key.place as usize).waiter)
    }

    fn keys(&self, mut are: impl FnMut(&Call) -> bool) -> Vec<Key> {
        let those = self.places.iter().filter(|(_, call)| are(call));
        let key = |(place, call): (usize, &Call)| Key {
            place: place as u32,
            number: call.number,
        };
        those.map(key).collect()
    }
}

/// Whoever holds a key that polls also takes the call away.
const THERE: &str = "a call stays until its caller has seen the end";

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{
        client::{CallError, Disconnected},
        packet::RawJson,
    };

    fn asked(calls: &mut Calls, patience: Duration) -> Key {
        let mut limit = Limit::of(patience);
        limit.start(Instant::now());
        let waiter = Waiter::new(Wants::Last { so_far: None }, limit, None);
        let key = calls.begin(Stage::Queued, waiter);
        assert_eq!(calls.write(key), Some(Stage::Asked));
        key
    }

    fn json(text: &'static str) -> Option<RawJson> {
        Some(RawJson::new(text).expect("JSON"))
    }

    fn deliver(calls: &mut Calls, id: CallId, outcome: Outcome) -> bool {
        calls.deliver(id, outcome, Instant::now(), &mut Woken::new())
    }

    #[test]
    fn replies_find_their_calls_and_the_last_value_counts() {
        for compat in [Compat::Nest8, Compat::Nest12] {
            let mut calls = Calls::new(compat);
            let (first, second) = (asked(&mut calls, Duration::MAX), asked(&mut calls, Duration::MAX));
            let (a, b) = (calls.id(first), calls.id(second));
            assert!(deliver(&mut calls, a, Outcome::Value(json("\"x\""))));
            assert!(deliver(&mut calls, b, Outcome::Completed(json("\"y\""))));
            assert!(calls.take_end(first).is_none(), "more may come");
            assert_eq!(calls.take_end(second).expect("told").expect("a value"), json("\"y\""));
            assert!(deliver(&mut calls, a, Outcome::Completed(None)));
            assert_eq!(calls.take_end(first).expect("told").expect("a value"), json("\"x\""));
            assert!(calls.places.is_empty());
        }
    }

    #[test]
    fn a_late_reply_is_not_taken_for_the_answer_of_the_call_that_has_its_place_now() {
        let mut calls = Calls::new(Compat::Nest12);
        let gone = asked(&mut calls, Duration::MAX);
        let late = calls.id(gone);
        assert_eq!(calls.give_up(gone).0, Some(Stage::Asked));
        let next = asked(&mut calls, Duration::MAX);
        assert_eq!((next.place, calls.id(next) == late), (gone.place, false));
        assert!(!deliver(&mut calls, late, Outcome::Completed(None)));
        assert!(calls.take_end(next).is_none());
    }

    #[test]
    fn replies_to_what_is_not_a_request_that_waits_are_ignored() {
        let mut calls = Calls::new(Compat::Nest12);
        let limit = Limit::of(Duration::MAX);
        let queued = calls.begin(Stage::Queued, Waiter::new(Wants::Last { so_far: None }, limit, None));
        let answered = asked(&mut calls, Duration::MAX);
        let (early, twice) = (calls.id(queued), calls.id(answered));
        assert!(deliver(&mut calls, twice, Outcome::Completed(json("1"))));
        for id in [early, twice, CallId::digits(7)] {
            assert!(!deliver(&mut calls, id, Outcome::Completed(json("2"))));
        }
        assert_eq!(calls.take_end(answered).expect("told").expect("a value"), json("1"));
    }

    #[test]
    fn ids_of_one_link_are_all_different_and_those_of_two_links_too() {
        for compat in [Compat::Nest8, Compat::Nest12] {
            let mut ids = std::collections::HashSet::new();
            for _ in 0..2 {
                let mut calls = Calls::new(compat);
                for _ in 0..1000 {
                    let key = asked(&mut calls, Duration::MAX);
                    assert!(ids.insert(calls.id(key)));
                    calls.give_up(key);
                }
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn only_those_whose_time_is_over_are_told_so() {
        let mut calls = Calls::new(Compat::Nest12);
        let (second, mut woken) = (Duration::from_secs(1), Woken::new());
        let [soon, later, last] = [1, 2, 3].map(|seconds| asked(&mut calls, second * seconds));
        let endless = asked(&mut calls, Duration::MAX);
        let now = Instant::now();
        assert_eq!(calls.expire(now, &mut woken), Some(now + second));
        assert_eq!(calls.expire(now + second * 2, &mut woken), Some(now + second * 3));
        for (key, seconds) in [(soon, 1), (later, 2)] {
            let error = calls.take_end(key).expect("told").expect_err("too late");
            assert!(matches!(error, CallError::Timeout(limit) if limit == second * seconds));
        }
        assert!(calls.take_end(last).is_none() && calls.take_end(endless).is_none());
        assert_eq!(calls.expire(now + second * 3, &mut woken), None, "one waits for ever");
    }

    #[test]
    fn every_waiting_call_learns_why_the_link_died() {
        let mut calls = Calls::new(Compat::Nest12);
        let waiting = [1, 2].map(|_| asked(&mut calls, Duration::MAX));
        let reason = Err(CallError::ConnectionClosed(Disconnected::ByPeer));
        calls.end_all(&[Stage::Asked], &reason, &mut Woken::new());
        for key in waiting {
            let error = calls.take_end(key).expect("told").expect_err("failed");
            assert_eq!(error.to_string(), "Connection closed");
        }
        assert!(calls.places.is_empty());
    }

    #[test]
    fn an_event_goes_on_without_its_sender_and_leaves_nothing_behind() {
        let mut calls = Calls::new(Compat::Nest12);
        let limit = Limit::of(Duration::MAX);
        let event = calls.begin(Stage::QueuedEvent, Waiter::new(Wants::Done, limit, None));
        assert_eq!(calls.give_up(event).0, None);
        assert_eq!(calls.write(event), Some(Stage::Leaving));
        calls.done(event, &mut Woken::new());
        assert!(calls.places.is_empty());
    }
}
