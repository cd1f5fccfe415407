//! Replies: the ids of requests, and how a reply finds its call by the id and ends it.

use crate::{
    client::channel::{
        pending::{
            PendingCalls, WakeList,
            call::{CallKey, CallState},
        },
        waiter::{Clock, ReplyMode, is_refusal},
    },
    packet::{CallId, RawJson, ReplyOutcome},
};

/// What became of a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::client) enum Delivery {
    /// The reply belongs to no call.
    Stray,
    Delivered,
    /// The reply says that the service is stopping and accepts no more calls.
    Refusal,
}

impl PendingCalls {
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
            ReplyOutcome::Value(value) => self.push_value(key, value, clock, woken),
            ReplyOutcome::Failed(err) if is_refusal(&err) => {
                self.finish(key, |waiter| waiter.outcome(ReplyOutcome::Failed(err)), woken);
                return Delivery::Refusal;
            }
            end => self.finish(key, |waiter| waiter.outcome(end), woken),
        }
        Delivery::Delivered
    }

    /// Returns the outcome to deliver for a reply whose packet is kept: the packet itself, an
    /// error's too, if its call wants packets. A refusal stays what it is, because the call is made
    /// again.
    #[cold]
    pub(in crate::client) fn whole(&self, id: CallId, packet: RawJson, outcome: ReplyOutcome) -> ReplyOutcome {
        let call = self.find(id).and_then(|key| self.slab.get(key.index as usize));
        let wants_packets =
            call.is_some_and(|call| matches!(&call.waiter.wants, ReplyMode::Each(values) if values.wants_packets));
        match outcome {
            outcome if !wants_packets => outcome,
            ReplyOutcome::Value(_) => ReplyOutcome::Value(Some(packet)),
            ReplyOutcome::Failed(err) if is_refusal(&err) => ReplyOutcome::Failed(err),
            ReplyOutcome::Completed(_) | ReplyOutcome::Failed(_) => ReplyOutcome::Completed(Some(packet)),
        }
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
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        client::channel::{
            pending::{
                CancelReason,
                tests::{asked, complete, json, value},
            },
            waiter::Waiter,
        },
        compat::Compat,
    };

    #[test]
    fn replies_find_their_calls_and_the_last_value_counts() {
        for compat in [Compat::Nest8, Compat::Nest12] {
            let mut calls = PendingCalls::new(compat);
            let (first, second) = (asked(&mut calls), asked(&mut calls));
            let (a, b) = (calls.id(first), calls.id(second));
            assert!(complete(&mut calls, a, ReplyOutcome::Value(json("\"x\""))));
            assert!(complete(&mut calls, b, ReplyOutcome::Completed(json("\"y\""))));
            assert!(calls.take_end(first).is_none(), "more may come");
            assert_eq!(value(&mut calls, second), json("\"y\""));
            assert!(complete(&mut calls, a, ReplyOutcome::Completed(None)));
            assert_eq!(value(&mut calls, first), json("\"x\""));
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
        assert_eq!(value(&mut calls, answered), json("1"));
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
}
