//! One caller who waits, for what, and how long. Plain data.

use std::{future::Future, time::Duration};

use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, timeout_at},
};

use super::CallError;
use crate::packet::{Outcome, RawJson, RpcError};

/// What a waiting caller is told: a value, JavaScript's undefined (`None`), or the end.
pub(super) type Answer = Result<Option<RawJson>, CallError>;

/// How long somebody waits.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limit {
    /// From the call, or from the last value, on.
    patience: Duration,
    /// When it has waited for long enough; never, if that is later than time goes.
    pub(super) deadline: Option<Instant>,
}

impl Limit {
    pub(super) fn from_now(patience: Duration) -> Self {
        Self {
            patience,
            deadline: Instant::now().checked_add(patience),
        }
    }

    pub(super) fn timed_out(self) -> CallError {
        CallError::Timeout(self.patience)
    }

    /// Waits for `step`, but no longer than this.
    pub(super) async fn keep<T>(self, step: impl Future<Output = T>) -> Result<T, CallError> {
        match self.deadline {
            Some(deadline) => timeout_at(deadline, step).await.map_err(|_| self.timed_out()),
            None => Ok(step.await),
        }
    }
}

#[derive(Debug)]
pub(super) struct Waiting {
    waiter: Waiter,
    pub(super) limit: Limit,
}

#[derive(Debug)]
enum Waiter {
    /// For the last value only.
    Last {
        so_far: Option<RawJson>,
        tell: oneshot::Sender<Answer>,
    },
    /// For each value, and at last for `None`: a channel that ends without it has lost its call.
    Each(mpsc::UnboundedSender<Option<Answer>>),
    /// Until it is done: an event is out, a link is there.
    Done(oneshot::Sender<Result<(), CallError>>),
}

impl Waiting {
    pub(super) fn for_last(limit: Limit) -> (Self, oneshot::Receiver<Answer>) {
        let (tell, answer) = oneshot::channel();
        let waiter = Waiter::Last { so_far: None, tell };
        (Self { waiter, limit }, answer)
    }

    pub(super) fn for_each(limit: Limit) -> (Self, mpsc::UnboundedReceiver<Option<Answer>>) {
        let (tell, values) = mpsc::unbounded_channel();
        let waiter = Waiter::Each(tell);
        (Self { waiter, limit }, values)
    }

    pub(super) fn until_done(limit: Limit) -> (Self, oneshot::Receiver<Result<(), CallError>>) {
        let (tell, done) = oneshot::channel();
        let waiter = Waiter::Done(tell);
        (Self { waiter, limit }, done)
    }

    /// Whether nobody listens any more.
    pub(super) fn is_gone(&self) -> bool {
        match &self.waiter {
            Waiter::Last { tell, .. } => tell.is_closed(),
            Waiter::Each(tell) => tell.is_closed(),
            Waiter::Done(tell) => tell.is_closed(),
        }
    }

    /// Whether its time is over; if not, `next` becomes its deadline should that be earlier.
    pub(super) fn is_overdue(&self, now: Instant, next: &mut Option<Instant>) -> bool {
        match self.limit.deadline {
            Some(deadline) if deadline <= now => true,
            deadline => {
                *next = earlier(*next, deadline);
                false
            }
        }
    }

    /// Takes a value after which more may come. A stream's patience begins anew.
    pub(super) fn value(&mut self, value: Option<RawJson>, now: Instant) {
        match &mut self.waiter {
            // As `lastValueFrom`, for which an undefined value is a value too.
            Waiter::Last { so_far, .. } => *so_far = value,
            Waiter::Each(tell) => {
                self.limit.deadline = now.checked_add(self.limit.patience);
                let _ = tell.send(Some(Ok(value)));
            }
            Waiter::Done(_) => {}
        }
    }

    /// Tells how the call ended.
    pub(super) fn end(self, outcome: Outcome) {
        match outcome {
            Outcome::Value(value) | Outcome::Completed(value) => self.complete(value),
            Outcome::Failed(err) => self.fail(CallError::Rpc(RpcError::from_raw(err))),
        }
    }

    fn complete(self, value: Option<RawJson>) {
        match self.waiter {
            Waiter::Last { so_far, tell } => drop(tell.send(Ok(value.or(so_far)))),
            Waiter::Each(tell) => {
                if value.is_some() {
                    let _ = tell.send(Some(Ok(value)));
                }
                let _ = tell.send(None);
            }
            Waiter::Done(tell) => drop(tell.send(Ok(()))),
        }
    }

    pub(super) fn done(self) {
        self.complete(None);
    }

    pub(super) fn fail(self, error: CallError) {
        match self.waiter {
            Waiter::Last { tell, .. } => drop(tell.send(Err(error))),
            Waiter::Each(tell) => drop(tell.send(Some(Err(error)))),
            Waiter::Done(tell) => drop(tell.send(Err(error))),
        }
    }

    pub(super) fn expire(self) {
        let error = self.limit.timed_out();
        self.fail(error);
    }
}

/// The earlier of two times, of which `None` is never.
pub(super) fn earlier(one: Option<Instant>, other: Option<Instant>) -> Option<Instant> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}
