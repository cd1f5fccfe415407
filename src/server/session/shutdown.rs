//! The news that the service stops.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, Waker},
};

use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

/// Cheap to poll, for a connection asks at each of its wake-ups: whether the service stops is looked up, and the
/// wake-up for it registered only when the task is another one.
pub(super) struct Shutdown {
    token: CancellationToken,
    told: Pin<Box<WaitForCancellationFutureOwned>>,
    /// Whom `told` wakes.
    registered: Option<Waker>,
}

impl Shutdown {
    pub(super) fn new(token: CancellationToken) -> Self {
        Self {
            told: Box::pin(token.clone().cancelled_owned()),
            token,
            registered: None,
        }
    }

    /// Ready once the service stops.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let is_registered = self
            .registered
            .as_ref()
            .is_some_and(|waker| waker.will_wake(cx.waker()));
        if is_registered {
            return if self.token.is_cancelled() {
                Poll::Ready(())
            } else {
                Poll::Pending
            };
        }
        self.registered = Some(cx.waker().clone());
        self.told.as_mut().poll(cx)
    }
}
