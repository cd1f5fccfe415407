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

/// The signal that ends a connection gracefully before its peer closes it.
#[derive(Default)]
pub(in crate::server) enum Shutdown {
    /// There is no signal.
    #[default]
    Never,
    /// The end of the connection's service.
    WithService(Handlers),
    /// This future. Calls in flight then have no time limit.
    At(Pin<Box<dyn Future<Output = ()> + Send>>),
}

/// The end of a service, shared by all its connections.
#[derive(Debug)]
pub(in crate::server) struct ServiceStop {
    pub(in crate::server) token: CancellationToken,
    /// Maximum time for connections to end.
    pub(in crate::server) drain_timeout: Duration,
}

/// Maximum time that a handshake may still take when its service stops. The caller may have sent
/// requests after the handshake already, but a peer that never ends its handshake must not delay
/// the end.
const HANDSHAKE_GRACE: Duration = Duration::from_secs(1);

impl ServiceStop {
    /// Waits until the service has stopped and the time for its handshakes has passed.
    pub(in crate::server) async fn handshakes_are_over(&self) {
        self.token.cancelled().await;
        sleep(HANDSHAKE_GRACE).await;
    }
}

/// Polled at each wake-up of a connection, and therefore cheap: it checks a flag, and registers a
/// wake-up only when the task has changed.
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

    /// Completes once the signal to stop has come. Returns the deadline for the connection to end,
    /// if there is one.
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
