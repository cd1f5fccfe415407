//! Tries again and again until a service is there.

use std::{
    future::Future,
    io::{self, IsTerminal},
    time::Duration,
};

use indicatif::ProgressBar;
use tokio::time::{Instant, sleep};

use crate::{
    duration,
    failure::{Failure, Status},
};

/// The pause after the first attempt; it doubles up to [`MAX_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const MAX_PAUSE: Duration = Duration::from_secs(2);
/// With less time left it is given up.
const SHORTEST_PAUSE: Duration = Duration::from_millis(50);
/// An attempt with less time than this would only say that there was no time.
const SHORTEST_ATTEMPT: Duration = Duration::from_secs(1);

/// Calls `attempt` until it succeeds, for `wait` at most. It receives the time
/// that is left, or a second at least.
///
/// # Errors
/// The last attempt's failure, or at once one of usage: that does not pass.
pub(super) async fn until_well<F>(wait: Duration, mut attempt: impl FnMut(Duration) -> F) -> Result<(), Failure>
where
    F: Future<Output = Result<(), Failure>>,
{
    let _spinner = Spinner::start();
    let begun = Instant::now();
    let (mut pause, mut attempts) = (FIRST_PAUSE, 1_u32);
    loop {
        let left = wait.saturating_sub(begun.elapsed());
        let failure = match attempt(left.max(SHORTEST_ATTEMPT)).await {
            Err(failure) if failure.status() != Status::Usage => failure,
            over => return over,
        };
        let left = wait.saturating_sub(begun.elapsed());
        if left < SHORTEST_PAUSE {
            let waited = duration::shown(begun.elapsed());
            let plural = if attempts == 1 { "" } else { "s" };
            return Err(failure.after(&format!("{attempts} attempt{plural} in {waited}")));
        }
        // The end of the wait is not slept through.
        sleep(pause.min(left / 2)).await;
        pause = longer(pause);
        attempts += 1;
    }
}

fn longer(pause: Duration) -> Duration {
    (pause * 2).min(MAX_PAUSE)
}

/// A sign of life, on a terminal only.
struct Spinner(Option<ProgressBar>);

impl Spinner {
    fn start() -> Self {
        Self(io::stderr().is_terminal().then(|| {
            let spinner = ProgressBar::new_spinner().with_message("waiting for the service");
            spinner.enable_steady_tick(Duration::from_millis(100));
            spinner
        }))
    }
}

impl Drop for Spinner {
    fn drop(&mut self) {
        if let Some(spinner) = &self.0 {
            spinner.finish_and_clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_up_to_two_seconds() {
        let pauses: Vec<u128> = std::iter::successors(Some(FIRST_PAUSE), |pause| Some(longer(*pause)))
            .take(7)
            .map(|pause| pause.as_millis())
            .collect();
        assert_eq!(pauses, [100, 200, 400, 800, 1600, 2000, 2000]);
    }

    #[tokio::test]
    async fn without_time_for_another_attempt_the_failure_says_so() {
        let attempt = |_| async { Err(Failure::new(Status::Late, "no answer")) };
        let failure = until_well(Duration::from_millis(1), attempt)
            .await
            .expect_err("it never is");
        let message = failure.message().expect("a message");
        assert!(message.starts_with("no answer (1 attempt in "), "{message}");
        assert_eq!(failure.status(), Status::Late);
    }

    #[tokio::test]
    async fn wrong_usage_does_not_pass() {
        let attempt = |_| async { Err(Failure::usage("no")) };
        let failure = until_well(Duration::from_secs(3600), attempt).await.expect_err("usage");
        assert_eq!(failure.message(), Some("no"));
    }
}
