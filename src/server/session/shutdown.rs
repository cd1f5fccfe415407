//! The news that the service stops.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll, Waker},
};

use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

/// How a connection learns that it is to end.
#[derive(Default)]
pub(in crate::server) enum Shutdown {
    /// Not at all.
    #[default]
    Never,
    /// With its service.
    WithService(Registration),
    /// When this completes.
    At(Pin<Box<dyn Future<Output = ()> + Send>>),
}

/// Cheap to poll, for a connection asks at each of its wake-ups: whether the service stops is looked up, and the
/// wake-up for it registered only when the task is another one.
pub(in crate::server) struct Registration {
    token: CancellationToken,
    told: Pin<Box<WaitForCancellationFutureOwned>>,
    /// Whom `told` wakes.
    registered: Option<Waker>,
}

impl Shutdown {
    pub(in crate::server) fn with_service(token: CancellationToken) -> Self {
        Self::WithService(Registration {
            told: Box::pin(token.clone().cancelled_owned()),
            token,
            registered: None,
        })
    }

    /// Ready once the service stops. Not to be polled after that.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match self {
            Self::Never => Poll::Pending,
            Self::WithService(registration) => registration.poll(cx),
            Self::At(signal) => signal.as_mut().poll(cx),
        }
    }
}

impl Registration {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
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

impl fmt::Debug for Shutdown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Never => "Never",
            Self::WithService(_) => "WithService",
            Self::At(_) => "At(..)",
        })
    }
}
