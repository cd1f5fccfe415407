//! The signal that the service stops.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker, ready},
    time::Duration,
};

use tokio::time::{Instant, sleep};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

/// What ends a connection in order, before its peer does.
#[derive(Default)]
pub(in crate::server) enum Shutdown {
    /// Nothing.
    #[default]
    Never,
    /// The end of its service.
    WithService(Handlers),
    /// This future. What is in flight may then take as long as it does.
    At(Pin<Box<dyn Future<Output = ()> + Send>>),
}

/// The end of a service, for all its connections.
#[derive(Debug)]
pub(in crate::server) struct ServiceStop {
    pub(in crate::server) token: CancellationToken,
    /// How long connections may take to end.
    pub(in crate::server) drain_timeout: Duration,
}

/// The longest time that a handshake may still take when its service stops. The caller may have written behind it
/// already, but a peer that never ends its handshake must not hold up the end.
const HANDSHAKE_GRACE: Duration = Duration::from_secs(1);

impl ServiceStop {
    /// Waits until handshakes are no longer waited for.
    pub(in crate::server) async fn handshakes_are_over(&self) {
        self.token.cancelled().await;
        sleep(HANDSHAKE_GRACE).await;
    }
}

/// Cheap to poll, for a connection asks at each of its wake-ups: whether the service stops is looked up, and the
/// wake-up for it registered only when the task is another one.
pub(in crate::server) struct Handlers {
    stop: Arc<ServiceStop>,
    cancelled: Pin<Box<WaitForCancellationFutureOwned>>,
    /// The task that `cancelled` wakes.
    registered: Option<Waker>,
}

impl Shutdown {
    pub(in crate::server) fn with_service(stop: Arc<ServiceStop>) -> Self {
        Self::WithService(Handlers {
            cancelled: Box::pin(stop.token.clone().cancelled_owned()),
            stop,
            registered: None,
        })
    }

    /// Completes once the service stops, with the time by which connections are to have ended.
    #[inline]
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Instant>> {
        let deadline = match self {
            Self::Never => return Poll::Pending,
            Self::WithService(registration) => {
                ready!(registration.poll(cx));
                Instant::now().checked_add(registration.stop.drain_timeout)
            }
            Self::At(signal) => {
                ready!(signal.as_mut().poll(cx));
                None
            }
        };
        *self = Self::Never;
        Poll::Ready(deadline)
    }
}

impl Handlers {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let is_registered = self
            .registered
            .as_ref()
            .is_some_and(|waker| waker.will_wake(cx.waker()));
        if is_registered {
            return if self.stop.token.is_cancelled() {
                Poll::Ready(())
            } else {
                Poll::Pending
            };
        }
        self.registered = Some(cx.waker().clone());
        self.cancelled.as_mut().poll(cx)
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
