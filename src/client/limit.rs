//! How long somebody waits. Plain data.

use std::{future::Future, time::Duration};

use tokio::time::{Instant, timeout_at};

use super::CallError;

/// A patience, and from when on it counts.
///
/// Most calls look at no clock. The task that owns the link looks at one when it next takes notice of what is on its desk,
/// and starts the patience of all that is new there: a little late, as every timer is, and never early. A caller that
/// has to wait before that, for a place or for room, starts it itself.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limit {
    /// From the call, or from the last value, on.
    patience: Duration,
    end: End,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// It has not begun to count.
    NotStarted,
    At(Instant),
    /// Later than time goes.
    Never,
}

impl Limit {
    pub(super) const fn of(patience: Duration) -> Self {
        Self {
            patience,
            end: End::NotStarted,
        }
    }

    /// Begins to count, unless it has.
    pub(super) fn start(&mut self, now: Instant) {
        if self.end == End::NotStarted {
            self.renew(now);
        }
    }

    /// Begins to count anew.
    pub(super) fn renew(&mut self, now: Instant) {
        self.end = now.checked_add(self.patience).map_or(End::Never, End::At);
    }

    /// When it has waited for long enough, if that will ever be.
    pub(super) fn deadline(&self) -> Option<Instant> {
        match self.end {
            End::At(deadline) => Some(deadline),
            End::NotStarted | End::Never => None,
        }
    }

    /// Whether its time is over; if not, `next` becomes its deadline should that be earlier.
    pub(super) fn is_overdue(&self, now: Instant, next: &mut Option<Instant>) -> bool {
        match self.deadline() {
            Some(deadline) if deadline <= now => true,
            deadline => {
                *next = earlier(*next, deadline);
                false
            }
        }
    }

    pub(super) fn timed_out(&self) -> CallError {
        CallError::Timeout(self.patience)
    }

    /// Waits for `step`, but no longer than this.
    pub(super) async fn keep<T>(&mut self, step: impl Future<Output = T>) -> Result<T, CallError> {
        self.start(Instant::now());
        match self.deadline() {
            Some(deadline) => timeout_at(deadline, step).await.map_err(|_| self.timed_out()),
            None => Ok(step.await),
        }
    }
}

/// The earlier of two times, of which `None` is never.
pub(super) fn earlier(one: Option<Instant>, other: Option<Instant>) -> Option<Instant> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}
