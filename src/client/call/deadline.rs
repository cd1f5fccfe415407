//! The timeout of a call. The caller's own future keeps it, so that it expires in time on any
//! runtime that drives the connection's task, and however busy that task is.

use std::{
    future::{Future, poll_fn},
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    task::coop::unconstrained,
    time::{Instant, Sleep, sleep_until},
};

use crate::{
    client::{CallError, TimeoutError},
    connection::caught,
};

/// Polls `work` until it is done, for at most `timeout` from the first poll on. Returns the result
/// of `work`, or [`CallError::Timeout`]. [`Duration::MAX`] never expires.
///
/// The timer is created when `work` first waits, so that work that does not wait never reads the
/// clock. The caller pins both, because a future holds twice what is moved into it.
pub(in crate::client) fn within<T>(
    timeout: Duration,
    mut timer: Pin<&mut Option<Sleep>>,
    mut work: Pin<&mut impl Future<Output = Result<T, CallError>>>,
) -> impl Future<Output = Result<T, CallError>> {
    poll_fn(move |cx| {
        if let Poll::Ready(done) = work.as_mut().poll(cx) {
            return Poll::Ready(done);
        }
        if timer.is_none() {
            // A deadline beyond the range of the clock never expires.
            timer.set(Instant::now().checked_add(timeout).map(sleep_until));
        }
        let Some(set) = timer.as_mut().as_pin_mut() else {
            return Poll::Pending;
        };
        let deadline = set.deadline();
        let elapsed = poll_timer(set, cx).or_else(|Gone| {
            timer.set(Some(sleep_until(deadline)));
            timer.as_mut().as_pin_mut().map_or(Err(Gone), |set| poll_timer(set, cx))
        });
        // No time passes in a runtime that has ended itself, so the call ends now.
        elapsed.unwrap_or(Poll::Ready(())).map(|()| Err(late(timeout)))
    })
}

const fn late(timeout: Duration) -> CallError {
    CallError::Timeout(TimeoutError::new(timeout))
}

/// The timeout of a stream's next value.
#[derive(Debug)]
pub(in crate::client) struct Silence {
    timeout: Duration,
    /// Created when the stream first waits. The timer is not set again for each value, which would
    /// cost more than the rest of the value's handling: when it fires, the time of the last value
    /// decides.
    timer: Option<Pin<Box<Sleep>>>,
}

impl Silence {
    pub(in crate::client) const fn new(timeout: Duration) -> Self {
        Self { timeout, timer: None }
    }

    /// Returns `Ready` when the timeout has passed since `since`, the time of the last value.
    pub(in crate::client) fn poll(&mut self, since: Instant, cx: &mut Context<'_>) -> Poll<CallError> {
        let Some(deadline) = since.checked_add(self.timeout) else {
            return Poll::Pending;
        };
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        let mut is_new = false;
        loop {
            match poll_timer(timer.as_mut(), cx) {
                Ok(Poll::Pending) => return Poll::Pending,
                Ok(Poll::Ready(())) if timer.deadline() >= deadline => {
                    return Poll::Ready(late(self.timeout));
                }
                Ok(Poll::Ready(())) => timer.as_mut().reset(deadline),
                // No time passes in a runtime that has ended itself, so the stream ends now.
                Err(Gone) if is_new => return Poll::Ready(late(self.timeout)),
                Err(Gone) => {
                    *timer = Box::pin(sleep_until(deadline));
                    is_new = true;
                }
            }
        }
    }
}

/// The runtime of a timer has ended. The call continues in another runtime and needs another timer.
struct Gone;

/// Polls a timer outside of the task's budget, so that the timer of a waiting call is set however
/// much the task has already done. Returns [`Gone`] if the timer's runtime has ended.
fn poll_timer(timer: Pin<&mut Sleep>, cx: &mut Context<'_>) -> Result<Poll<()>, Gone> {
    // Tokio reports the end of a runtime only with a panic.
    caught("a timer", || Pin::new(&mut unconstrained(timer)).poll(cx)).map_err(|_| Gone)
}
