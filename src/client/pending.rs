//! The calls that wait for an answer. Plain data: no I/O, no tasks.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::{mpsc, oneshot};

use super::CallError;
use crate::packet::{CallId, Outcome, RawJson, ReplyPacket, RpcError};

/// What a waiting caller is told: a value, JavaScript's undefined (`None`), or the end.
pub(super) type Answer = Result<Option<RawJson>, CallError>;

/// The table, shared by the task that owns the link and the callers, which take themselves out when they give up.
#[derive(Debug, Clone, Default)]
pub(super) struct Pending(Arc<Mutex<HashMap<CallId, Waiter>>>);

/// Who waits for an answer.
#[derive(Debug)]
pub(super) enum Waiter {
    /// For the last value only.
    Last {
        so_far: Option<RawJson>,
        tell: oneshot::Sender<Answer>,
    },
    /// For each value, and at last for `None`: a channel that ends without it has lost its call.
    Each(mpsc::UnboundedSender<Option<Answer>>),
}

impl Pending {
    /// Enters a call, unless its caller has given up meanwhile; says whether it was entered.
    ///
    /// Both happen under one lock, and a caller who gives up first closes its channel and only then
    /// [forgets](Self::forget): so whichever comes first, no entry outlives its caller.
    pub(super) fn enter(&self, id: CallId, waiter: Waiter) -> bool {
        let mut waiting = self.lock();
        let is_wanted = !waiter.is_gone();
        if is_wanted {
            waiting.insert(id, waiter);
        }
        is_wanted
    }

    /// Hands a reply to the call it belongs to. Replies to nobody are ignored, as in Nest.
    pub(super) fn deliver(&self, reply: ReplyPacket) {
        let Some(id) = reply.id.as_ref().and_then(CallId::read) else {
            return tracing::debug!(id = ?reply.id, "a reply to nobody");
        };
        let mut waiting = self.lock();
        match reply.outcome {
            Outcome::Value(value) => {
                if let Some(waiter) = waiting.get_mut(&id) {
                    waiter.value(value);
                }
            }
            Outcome::Completed(value) => {
                if let Some(waiter) = waiting.remove(&id) {
                    waiter.complete(value);
                }
            }
            Outcome::Failed(err) => {
                if let Some(waiter) = waiting.remove(&id) {
                    waiter.fail(CallError::Rpc(RpcError::from_raw(err)));
                }
            }
        }
    }

    pub(super) fn forget(&self, id: CallId) {
        self.lock().remove(&id);
    }

    pub(super) fn fail_all(&self, error: &CallError) {
        let waiting = std::mem::take(&mut *self.lock());
        for waiter in waiting.into_values() {
            waiter.fail(error.clone());
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    /// A caller that panicked while it held the lock has left the table whole: each change is one operation.
    fn lock(&self) -> MutexGuard<'_, HashMap<CallId, Waiter>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiter {
    pub(super) fn is_gone(&self) -> bool {
        match self {
            Self::Last { tell, .. } => tell.is_closed(),
            Self::Each(tell) => tell.is_closed(),
        }
    }

    fn value(&mut self, value: Option<RawJson>) {
        match self {
            // As `lastValueFrom`, for which an undefined value is a value too.
            Self::Last { so_far, .. } => *so_far = value,
            Self::Each(tell) => drop(tell.send(Some(Ok(value)))),
        }
    }

    fn complete(self, value: Option<RawJson>) {
        match self {
            Self::Last { so_far, tell } => drop(tell.send(Ok(value.or(so_far)))),
            Self::Each(tell) => {
                if value.is_some() {
                    let _ = tell.send(Some(Ok(value)));
                }
                let _ = tell.send(None);
            }
        }
    }

    pub(super) fn fail(self, error: CallError) {
        match self {
            Self::Last { tell, .. } => drop(tell.send(Err(error))),
            Self::Each(tell) => drop(tell.send(Some(Err(error)))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compat::Compat;

    fn reply(text: String) -> ReplyPacket {
        ReplyPacket::read(&text.into(), Compat::Nest12).expect("JSON")
    }

    fn one(pending: &Pending, id: u128) -> oneshot::Receiver<Answer> {
        let (tell, answer) = oneshot::channel();
        assert!(pending.enter(CallId::digits(id), Waiter::Last { so_far: None, tell }));
        answer
    }

    fn json(text: &'static str) -> Option<RawJson> {
        Some(RawJson::new(text).expect("JSON"))
    }

    #[test]
    fn replies_find_their_calls_and_the_last_value_counts() {
        let pending = Pending::default();
        let (mut first, mut second) = (one(&pending, 1), one(&pending, 2));
        let (a, b) = (CallId::digits(1), CallId::digits(2));
        pending.deliver(reply(format!(r#"{{"response":"x","id":"{a}"}}"#)));
        pending.deliver(reply(format!(r#"{{"response":"y","isDisposed":true,"id":"{b}"}}"#)));
        assert!(first.try_recv().is_err(), "more may come");
        assert_eq!(second.try_recv().expect("told").expect("a value"), json("\"y\""));
        pending.deliver(reply(format!(r#"{{"isDisposed":true,"id":"{a}"}}"#)));
        assert_eq!(first.try_recv().expect("told").expect("a value"), json("\"x\""));
        assert!(pending.is_empty());
    }

    #[test]
    fn replies_to_nobody_are_ignored() {
        let pending = Pending::default();
        let mut waiting = one(&pending, 1);
        for id in ["\"000000000000000000002\"", "7", "null"] {
            pending.deliver(reply(format!(r#"{{"response":1,"isDisposed":true,"id":{id}}}"#)));
        }
        pending.deliver(reply(r#"{"response":1,"isDisposed":true}"#.to_owned()));
        assert!(waiting.try_recv().is_err());
    }

    #[test]
    fn a_call_given_up_before_it_was_sent_is_not_entered() {
        let pending = Pending::default();
        let (tell, answer) = oneshot::channel();
        drop(answer);
        assert!(!pending.enter(CallId::digits(1), Waiter::Last { so_far: None, tell }));
        assert!(pending.is_empty());
    }

    #[test]
    fn every_waiting_call_learns_why_the_link_died() {
        let pending = Pending::default();
        let mut waiting = [one(&pending, 1), one(&pending, 2)];
        pending.fail_all(&CallError::ConnectionClosed(super::super::Disconnected::ByPeer));
        for answer in &mut waiting {
            let error = answer.try_recv().expect("told").expect_err("failed");
            assert_eq!(error.to_string(), "Connection closed");
        }
    }
}
