//! Limits how often a message is logged.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// Time for which a message is suppressed after it was logged.
const PAUSE: Duration = Duration::from_secs(1);

/// Limits a log message to one per [`PAUSE`] and counts the suppressed ones.
#[derive(Debug, Default)]
pub(crate) struct LogThrottle(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    next: Option<Instant>,
    suppressed: u64,
}

impl LogThrottle {
    /// Returns `Some(suppressed)` if the message should be logged now, where `suppressed` counts
    /// the messages suppressed since the last one.
    pub(crate) fn allow(&self) -> Option<u64> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        if state.next.is_some_and(|next| now < next) {
            state.suppressed += 1;
            return None;
        }
        state.next = Some(now + PAUSE);
        Some(std::mem::take(&mut state.suppressed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_flood_is_logged_once_a_second_with_its_size() {
        let throttle = LogThrottle::default();
        assert_eq!(throttle.allow(), Some(0));
        assert_eq!([throttle.allow(), throttle.allow()], [None, None]);
        tokio::time::advance(PAUSE).await;
        assert_eq!(throttle.allow(), Some(2));
        tokio::time::advance(PAUSE).await;
        assert_eq!(throttle.allow(), Some(0));
    }
}
