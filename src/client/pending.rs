//! The calls that wait for an answer. Plain data: no I/O, no tasks, no locks; the task that owns the link owns it.

use std::collections::HashMap;

use foldhash::fast::RandomState;
use tokio::time::Instant;

use super::{CallError, command::Outgoing};
use crate::packet::{CallId, Outcome, ReplyMembers};

/// Peers look up what they like but cannot enter anything: a fast hash can't be flooded.
#[derive(Debug, Default)]
pub(super) struct Pending(HashMap<CallId, Box<Outgoing>, RandomState>);

impl Pending {
    pub(super) fn enter(&mut self, id: CallId, call: Box<Outgoing>) {
        self.0.insert(id, call);
    }

    /// Hands a reply to the call it belongs to. Replies to nobody are ignored, as in Nest.
    pub(super) fn deliver(&mut self, reply: ReplyMembers<'_>, now: Instant) {
        let Some(id) = reply.id.and_then(CallId::read_json) else {
            return tracing::debug!(id = ?reply.id, "a reply to nobody");
        };
        match reply.outcome {
            Outcome::Value(value) => {
                if let Some(call) = self.0.get_mut(&id) {
                    call.waiting.value(value, now);
                }
            }
            end => {
                if let Some(call) = self.0.remove(&id) {
                    call.waiting.end(end);
                }
            }
        }
    }

    /// Whether the call was there.
    pub(super) fn forget(&mut self, id: CallId) -> bool {
        self.0.remove(&id).is_some()
    }

    /// Tells those whose time is over; when the next one's is.
    pub(super) fn expire(&mut self, now: Instant) -> Option<Instant> {
        let mut next = None;
        let overdue = self.0.extract_if(|_, call| call.waiting.is_overdue(now, &mut next));
        for (_, call) in overdue {
            call.waiting.expire();
        }
        next
    }

    pub(super) fn fail_all(&mut self, error: &CallError) {
        for (_, call) in self.0.drain() {
            call.fail(error.clone());
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::sync::oneshot;

    use super::*;
    use crate::{
        client::{
            Disconnected,
            waiting::{Answer, Limit, Waiting},
        },
        compat::Compat,
        packet::RawJson,
    };

    fn deliver(pending: &mut Pending, text: String) {
        let frame = text.into();
        let reply = ReplyMembers::read(&frame, Compat::Nest12).expect("JSON");
        pending.deliver(reply, Instant::now());
    }

    fn one(pending: &mut Pending, id: u128) -> oneshot::Receiver<Answer> {
        let (waiting, answer) = Waiting::for_last(Limit::from_now(Duration::MAX));
        enter(pending, id, waiting);
        answer
    }

    fn enter(pending: &mut Pending, id: u128, waiting: Waiting) {
        let id = CallId::digits(id);
        let text = String::new();
        pending.enter(
            id,
            Box::new(Outgoing {
                id: Some(id),
                text,
                waiting,
            }),
        );
    }

    fn json(text: &'static str) -> Option<RawJson> {
        Some(RawJson::new(text).expect("JSON"))
    }

    #[test]
    fn replies_find_their_calls_and_the_last_value_counts() {
        let mut pending = Pending::default();
        let (mut first, mut second) = (one(&mut pending, 1), one(&mut pending, 2));
        let (a, b) = (CallId::digits(1), CallId::digits(2));
        deliver(&mut pending, format!(r#"{{"response":"x","id":"{a}"}}"#));
        deliver(
            &mut pending,
            format!(r#"{{"response":"y","isDisposed":true,"id":"{b}"}}"#),
        );
        assert!(first.try_recv().is_err(), "more may come");
        assert_eq!(second.try_recv().expect("told").expect("a value"), json("\"y\""));
        deliver(&mut pending, format!(r#"{{"isDisposed":true,"id":"{a}"}}"#));
        assert_eq!(first.try_recv().expect("told").expect("a value"), json("\"x\""));
        assert!(pending.is_empty());
    }

    #[test]
    fn replies_to_nobody_are_ignored() {
        let mut pending = Pending::default();
        let mut waiting = one(&mut pending, 1);
        for id in ["\"000000000000000000002\"", "7", "null"] {
            deliver(&mut pending, format!(r#"{{"response":1,"isDisposed":true,"id":{id}}}"#));
        }
        deliver(&mut pending, r#"{"response":1,"isDisposed":true}"#.to_owned());
        assert!(waiting.try_recv().is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn only_those_whose_time_is_over_are_told_so() {
        let mut pending = Pending::default();
        let second = Duration::from_secs(1);
        let mut wait = |seconds: u32| {
            let patience = second * seconds;
            let (waiting, answer) = Waiting::for_last(Limit::from_now(patience));
            enter(&mut pending, seconds.into(), waiting);
            answer
        };
        let (mut soon, mut later, mut last) = (wait(1), wait(2), wait(3));
        let mut endless = one(&mut pending, 4);
        let now = Instant::now();
        assert_eq!(pending.expire(now), Some(now + second));
        assert_eq!(pending.expire(now + second * 2), Some(now + second * 3));
        for (answer, seconds) in [(&mut soon, 1), (&mut later, 2)] {
            let error = answer.try_recv().expect("told").expect_err("too late");
            assert!(matches!(error, CallError::Timeout(limit) if limit == second * seconds));
        }
        assert!(last.try_recv().is_err() && endless.try_recv().is_err());
        assert_eq!(pending.expire(now + second * 3), None, "one waits for ever");
        assert!(!pending.is_empty());
    }

    #[test]
    fn every_waiting_call_learns_why_the_link_died() {
        let mut pending = Pending::default();
        let mut waiting = [one(&mut pending, 1), one(&mut pending, 2)];
        pending.fail_all(&CallError::ConnectionClosed(Disconnected::ByPeer));
        for answer in &mut waiting {
            let error = answer.try_recv().expect("told").expect_err("failed");
            assert_eq!(error.to_string(), "Connection closed");
        }
    }
}
