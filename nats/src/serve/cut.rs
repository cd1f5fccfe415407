//! The end of the drain timeout.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use tokio_util::sync::CancellationToken;

/// Says that what is still being handled ends now. Its callers receive an error: NATS does not
/// report that the service is gone, and Nest's client has no timeout.
#[derive(Default)]
pub(crate) struct Cut {
    /// Each poll of a request looks at this one, since the token has a lock.
    has_begun: AtomicBool,
    token: CancellationToken,
}

impl Cut {
    pub(crate) fn begin(&self) {
        self.has_begun.store(true, Relaxed);
        // A task that the token wakes sees what was stored before: the lock of the token orders both.
        self.token.cancel();
    }

    pub(crate) fn has_begun(&self) -> bool {
        self.has_begun.load(Relaxed)
    }

    /// Waits until the timeout has expired.
    pub(crate) async fn begun(&self) {
        self.token.cancelled().await;
    }
}
