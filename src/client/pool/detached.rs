//! Events that no caller waits for: the limit of their number, and the number of dropped ones.

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

/// The state of a client's events that no caller waits for.
#[derive(Debug)]
pub(in crate::client) struct Detached {
    /// One permit for each event that may wait.
    pub(in crate::client) places: Arc<Semaphore>,
    pub(in crate::client) dropped: AtomicU64,
    throttle: LogThrottle,
}

impl Detached {
    /// `capacity` is the maximum number of events that wait.
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
