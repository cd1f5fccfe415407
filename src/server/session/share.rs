//! How much a connection does before its task yields.
//!
//! Tokio's own budget counts what its sockets and channels do. It does not count that one segment
//! brought a thousand requests, nor that a stream always has more: [`Share`] does.
//!
//! A task has a budget for each of its polls. When it is used up, tokio's sockets, channels, locks
//! and timers return `Pending` from every poll, and wake the task at once. Code that takes
//! `Pending` for "nothing is there" must distinguish a future that really waits from one that the
//! budget interrupts.

use std::{
    future::{Future, poll_fn},
    pin::pin,
    task::Poll,
};

use tokio::task::coop;

/// Maximum number of steps in one poll: packets taken, calls answered, values sent.
const SHARE: u32 = 128;

/// Number of steps that one system call counts for: a segment of 64 KiB that is read or written.
const SEGMENT: u32 = 8;

/// The steps left in one poll.
#[derive(Debug)]
pub(super) struct Share(u32);

impl Share {
    pub(super) const fn new() -> Self {
        Self(SHARE)
    }

    pub(super) const fn use_one(&mut self) {
        self.0 = self.0.saturating_sub(1);
    }

    pub(super) const fn use_segment(&mut self) {
        self.0 = self.0.saturating_sub(SEGMENT);
    }

    /// Returns a separate share, half as large as the rest of this one.
    pub(super) const fn half(&self) -> Self {
        Self(self.0.div_ceil(2))
    }

    /// Returns true if the task must yield before anything more is done.
    pub(super) fn is_used_up(&self) -> bool {
        self.0 == 0 || is_budget_used_up()
    }
}

/// Returns true if the task's budget is used up.
#[inline]
pub(in crate::server) fn is_budget_used_up() -> bool {
    !coop::has_budget_remaining()
}

/// Polls `future` until it is done or really waits. Returns `None` in the second case.
pub(in crate::server) async fn unless_it_waits<F: Future>(future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    poll_fn(|cx| match future.as_mut().poll(cx) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending if is_budget_used_up() => {
            cx.waker().wake_by_ref();
            Poll::Pending
        }
        Poll::Pending => Poll::Ready(None),
    })
    .await
}
