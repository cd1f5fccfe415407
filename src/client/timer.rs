//! One timer for all the deadlines of a client: it rings at the earliest, and whoever owns it then looks for the next.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use tokio::time::{Instant, Sleep, sleep_until};

/// Setting a timer costs more than all else of a call, and nearly no call needs it: most end long before. So a call
/// only lowers the time of the next look, which it hardly ever does since deadlines come in order.
#[derive(Debug, Default)]
pub(super) struct Timer {
    sleep: Option<Pin<Box<Sleep>>>,
    /// When to ring; `None` is never.
    due: Option<Instant>,
}

impl Timer {
    /// Sees to it that it rings at `deadline` or before; whether it has been set anew, and has to be polled.
    pub(super) fn cover(&mut self, deadline: Option<Instant>) -> bool {
        let Some(deadline) = deadline else {
            return false;
        };
        if self.due.is_some_and(|due| due <= deadline) {
            return false;
        }
        self.due = Some(deadline);
        match &mut self.sleep {
            Some(sleep) => sleep.as_mut().reset(deadline),
            None => self.sleep = Some(Box::pin(sleep_until(deadline))),
        }
        true
    }

    /// Whether it has rung; it does once.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> bool {
        let (Some(_), Some(sleep)) = (self.due, &mut self.sleep) else {
            return false;
        };
        let Poll::Ready(()) = sleep.as_mut().poll(cx) else {
            return false;
        };
        self.due = None;
        true
    }
}
