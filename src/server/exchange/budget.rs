//! Tokio's budget of a task.
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
