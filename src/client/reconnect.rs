//! When and how often a client tries to connect again. Plain numbers: no I/O, no timers.

use std::time::Duration;

/// When a client tries to connect again, how often, and how long it waits between two attempts.
///
/// Nest's client tries once for each call that finds no connection (`client/client-tcp.js`); that
/// is the default. The options `retryAttempts` and `retryDelay` of Nest's other transports
/// correspond to [`attempts`](Self::attempts)` - 1` and [`min_delay`](Self::min_delay) here. (On
/// TCP, Nest has these options for services only, where they control how often to try to listen.)
///
/// ```
/// use std::time::Duration;
/// use nest_wire::client::ReconnectPolicy;
///
/// // As `retryAttempts: 5, retryDelay: 200`, but with pauses that grow up to two seconds.
/// let patient = ReconnectPolicy::on_demand()
///     .attempts(6)
///     .min_delay(Duration::from_millis(200))
///     .max_delay(Duration::from_secs(2));
/// // Keeps the connection open even if no calls are made.
/// let eager = ReconnectPolicy::always();
/// # assert_ne!(patient, eager);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReconnectPolicy {
    /// The cause that makes the client connect after a lost connection or a failed attempt.
    /// Default: a call.
    pub when: ReconnectMode,
    /// Maximum number of attempts that may fail before the calls that wait for them fail with
    /// [`CallError::Connect`](crate::client::CallError::Connect). A call fails sooner if its own
    /// timeout expires.
    ///
    /// A larger number lets calls survive a restart of the service. Default: 1, as in Nest. 0
    /// counts as 1.
    pub attempts: u32,
    /// The pause after the first failed attempt; it doubles after each further failure. Less than a
    /// millisecond counts as one millisecond. Default: 100 ms.
    ///
    /// Each pause is shortened by a random part of up to a half, so that a thousand clients do not
    /// reconnect at the same time.
    pub min_delay: Duration,
    /// Maximum pause. A larger value spares services that are down for long; a smaller value
    /// reconnects sooner. Less than a millisecond counts as one millisecond. Default: 10 seconds.
    pub max_delay: Duration,
}

/// The shortest pause, so that a client does not try to connect without a break.
const MIN_PAUSE: Duration = Duration::from_millis(1);

/// The cause that makes a client connect again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReconnectMode {
    /// The next call, as in Nest.
    #[default]
    OnDemand,
    /// The loss itself: from its first call or [`connect`](crate::client::Client::connect) on, the
    /// client keeps trying until it is closed.
    Always,
}

impl ReconnectPolicy {
    /// Returns the policy that connects only for a call, with one attempt unless
    /// [`attempts`](Self::attempts) sets another number.
    #[must_use]
    pub const fn on_demand() -> Self {
        Self {
            when: ReconnectMode::OnDemand,
            attempts: 1,
            min_delay: Duration::from_millis(100),
            max_delay: Duration::from_secs(10),
        }
    }

    /// Returns the policy that keeps the connection open: after a loss, the client connects again
    /// at once and tries until it succeeds.
    #[must_use]
    pub const fn always() -> Self {
        Self {
            when: ReconnectMode::Always,
            ..Self::on_demand()
        }
    }

    /// Sets [`ReconnectPolicy::attempts`].
    #[must_use]
    pub const fn attempts(mut self, attempts: u32) -> Self {
        self.attempts = attempts;
        self
    }

    /// Sets [`ReconnectPolicy::min_delay`].
    #[must_use]
    pub const fn min_delay(mut self, delay: Duration) -> Self {
        self.min_delay = delay;
        self
    }

    /// Sets [`ReconnectPolicy::max_delay`].
    #[must_use]
    pub const fn max_delay(mut self, delay: Duration) -> Self {
        self.max_delay = delay;
        self
    }

    /// Returns the pause after `failures` failed attempts in a row.
    pub(super) fn delay(&self, failures: u32) -> Duration {
        let doubled = 2_u32.saturating_pow(failures.saturating_sub(1));
        let delay = self.min_delay.max(MIN_PAUSE).saturating_mul(doubled);
        let delay = delay.min(self.longest());
        delay - delay.mul_f64(fastrand::f64() / 2.0)
    }

    /// Returns true if a connection that lasted for `lasted` counts as a failed attempt, so that a
    /// connection that is lost again and again is not opened again without a pause.
    pub(super) fn is_too_short(&self, lasted: Duration) -> bool {
        self.when == ReconnectMode::Always && lasted < self.longest()
    }

    /// Returns the maximum pause.
    fn longest(&self) -> Duration {
        self.max_delay.max(MIN_PAUSE)
    }

    /// Returns true if the waiting calls have waited for the maximum number of attempts.
    pub(super) fn is_exhausted(&self, failures: u32) -> bool {
        failures.is_multiple_of(self.attempts.max(1))
    }
}

impl Default for ReconnectPolicy {
    fn default() -> Self {
        Self::on_demand()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_the_longest_and_are_at_least_half_as_long() {
        let reconnect = ReconnectPolicy::on_demand()
            .min_delay(Duration::from_millis(100))
            .max_delay(Duration::from_secs(1));
        for (failures, longest) in [
            (1, 100),
            (2, 200),
            (3, 400),
            (4, 800),
            (5, 1000),
            (40, 1000),
            (u32::MAX, 1000),
        ] {
            for _ in 0..100 {
                let delay = reconnect.delay(failures).as_micros();
                assert!(
                    (longest * 500..=longest * 1000).contains(&delay),
                    "{failures}: {delay} us"
                );
            }
        }
    }

    #[test]
    fn the_longest_delays_there_are_do_no_harm() {
        let reconnect = ReconnectPolicy::always()
            .min_delay(Duration::MAX)
            .max_delay(Duration::MAX);
        assert!(reconnect.delay(u32::MAX) >= Duration::MAX / 3);
    }

    #[test]
    fn there_is_a_pause_even_if_none_is_asked_for_and_it_grows() {
        let reconnect = ReconnectPolicy::always().min_delay(Duration::ZERO);
        assert!(reconnect.delay(1) >= MIN_PAUSE / 2);
        assert!(reconnect.delay(40) >= Duration::from_secs(5));
        let reconnect = reconnect.max_delay(Duration::ZERO);
        assert!(reconnect.delay(40) >= MIN_PAUSE / 2);
        assert!(reconnect.is_too_short(Duration::ZERO) && !reconnect.is_too_short(MIN_PAUSE));
    }

    #[test]
    fn no_attempts_count_as_one() {
        assert!(ReconnectPolicy::on_demand().attempts(0).is_exhausted(1));
        let thrice = ReconnectPolicy::on_demand().attempts(3);
        assert_eq!(
            [1, 2, 3, 4, 5, 6].map(|failures| thrice.is_exhausted(failures)),
            [false, false, true, false, false, true]
        );
    }
}
