//! The pause after the system refused to accept.

use std::{io, time::Duration};

use tokio::time::{Instant, sleep_until};

/// Time to wait when the system refuses to accept because a resource, such as file descriptors, has
/// run out.
const PAUSE: Duration = Duration::from_secs(1);

/// The time until which nothing is accepted. Its waiting can be dropped and restarted: the deadline
/// stays.
#[derive(Debug, Default)]
pub(in crate::server) struct BackOff {
    until: Option<Instant>,
}

impl BackOff {
    /// Waits until the pause is over, if there is one.
    pub(in crate::server) async fn over(&mut self) {
        if let Some(deadline) = self.until {
            sleep_until(deadline).await;
            self.until = None;
        }
    }

    /// Begins a pause, unless the error concerns the arriving connection alone, which failed before
    /// it could be accepted.
    pub(in crate::server) fn refused(&mut self, error: &io::Error) {
        if concerns_one_connection(error) {
            return;
        }
        tracing::error!(%error, "cannot accept connections, trying again in {PAUSE:?}");
        self.pause();
    }

    /// Begins a pause after a panic in the listener's code.
    pub(in crate::server) fn panicked(&mut self, message: &str) {
        tracing::error!(panic = message, "the listener panicked, trying again in {PAUSE:?}");
        self.pause();
    }

    fn pause(&mut self) {
        self.until = Some(Instant::now() + PAUSE);
    }
}

/// Returns true if a connection failed before it could be accepted, and the next one may succeed.
pub(in crate::server) fn concerns_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

#[cfg(test)]
mod tests {
    use tokio::time::timeout;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_pause_goes_on_when_its_waiting_is_dropped_and_begun_again() {
        let mut back_off = BackOff::default();
        back_off.refused(&io::Error::from_raw_os_error(24));
        let start = Instant::now();
        for _ in 0..9 {
            let early = timeout(PAUSE / 10, back_off.over()).await;
            assert!(early.is_err());
        }
        back_off.over().await;
        let waited = start.elapsed();
        assert!((PAUSE..PAUSE + PAUSE / 10).contains(&waited), "{waited:?}");
        back_off.over().await;
        assert_eq!(start.elapsed(), waited, "one refusal, one pause");
    }
}
