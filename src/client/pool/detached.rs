//! Events that no caller waits for: how many may wait, and how many were dropped.

use std::{
    error::Error,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use tokio::sync::Semaphore;
use tracing::warn;

use crate::telemetry::{LogThrottle, truncate_for_log};

/// What a client notes of the events that nobody waits for.
#[derive(Debug)]
pub(in crate::client) struct Detached {
    /// One for each event that may wait.
    pub(in crate::client) places: Arc<Semaphore>,
    pub(in crate::client) dropped: AtomicU64,
    throttle: LogThrottle,
}

impl Detached {
    /// At most `capacity` events wait.
    pub(in crate::client) fn new(capacity: usize) -> Self {
        Self {
            places: Arc::new(Semaphore::new(capacity)),
            dropped: AtomicU64::new(0),
            throttle: LogThrottle::default(),
        }
    }

    pub(in crate::client) fn event_dropped(&self, pattern: &str, error: &(dyn Error + 'static)) {
        self.dropped.fetch_add(1, Relaxed);
        if let Some(suppressed) = self.throttle.allow() {
            warn!(
                pattern = truncate_for_log(pattern),
                error, suppressed, "an event was not sent"
            );
        }
    }
}
