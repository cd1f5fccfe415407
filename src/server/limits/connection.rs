//! The limits of one connection: its timers and its calls in flight.

use std::{
    future::Future,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    sync::Semaphore,
    time::{Instant, Sleep, sleep_until},
};

use crate::server::{
    exchange::permit::Permit,
    limits::{Admission, LimitExceeded, Limiter, limiter::semaphore, permit},
};

/// The limiter of one connection; exists only if the service has a limit.
pub(in crate::server) struct ConnectionLimiter {
    pub(in crate::server) limiter: Arc<Limiter>,
    clock: Option<ExpiryTimer>,
    /// The permits for calls in flight on this connection, if their number is limited.
    in_flight: Option<Arc<Semaphore>>,
    /// Counts the connection until dropped.
    admission: Option<Admission>,
}

/// The reason why a connection must end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::server) enum Expired {
    Idle,
    Aged,
}

/// One timer for the idle timeout and the maximum age. Activity is only recorded, and checked when
/// the timer fires: resetting the timer at each activity would cost more.
struct ExpiryTimer {
    idle_timeout: Option<Duration>,
    last_activity: Instant,
    /// The time when the connection exceeds its maximum age; `None` once that has been reported.
    too_old: Option<Instant>,
    timer: Pin<Box<Sleep>>,
}

impl ConnectionLimiter {
    pub(in crate::server) fn new(limiter: Arc<Limiter>, admission: Option<Admission>) -> Self {
        Self {
            clock: ExpiryTimer::new(limiter.limits.idle_timeout, limiter.limits.max_age),
            in_flight: limiter.limits.max_in_flight_per_connection.map(semaphore),
            limiter,
            admission,
        }
    }

    /// Counts the connection for `peer`, whose address was not known before.
    ///
    /// # Errors
    /// The peer has too many connections.
    pub(in crate::server) fn count_for(&mut self, peer: Option<SocketAddr>) -> Result<(), LimitExceeded> {
        match &mut self.admission {
            Some(admission) => admission.count_for(peer),
            None => Ok(()),
        }
    }

    /// Returns a permit for one more call; `Ok(None)` if the number of calls is not limited.
    pub(in crate::server) fn permit(&self) -> Result<Option<Permit>, LimitExceeded> {
        permit::acquire(self.in_flight.as_ref(), self.limiter.in_flight.as_ref())
    }

    /// Records activity: the connection is not idle.
    pub(in crate::server) fn mark_active(&mut self) {
        if let Some(clock) = &mut self.clock {
            clock.last_activity = Instant::now();
        }
    }

    /// Completes when the connection must end. A connection that `is_busy` never counts as idle.
    pub(in crate::server) fn poll_due(&mut self, cx: &mut Context<'_>, is_busy: bool) -> Poll<Expired> {
        match &mut self.clock {
            Some(clock) => clock.poll_due(cx, is_busy),
            None => Poll::Pending,
        }
    }
}

impl ExpiryTimer {
    fn new(idle_timeout: Option<Duration>, max_age: Option<Duration>) -> Option<Self> {
        let now = Instant::now();
        // A time that overflows the clock never comes.
        let too_old = max_age.and_then(|age| now.checked_add(jittered(age)));
        let idle_timeout = idle_timeout.map(|timeout| timeout.max(SHORTEST));
        let idle_timeout = idle_timeout.filter(|timeout| now.checked_add(*timeout).is_some());
        let idle = idle_timeout.map(|timeout| now + timeout);
        let first = too_old.into_iter().chain(idle).min()?;
        Some(Self {
            idle_timeout,
            last_activity: now,
            too_old,
            timer: Box::pin(sleep_until(first)),
        })
    }

    fn poll_due(&mut self, cx: &mut Context<'_>, is_busy: bool) -> Poll<Expired> {
        loop {
            ready!(self.timer.as_mut().poll(cx));
            let now = Instant::now();
            if self.too_old.is_some_and(|deadline| deadline <= now) {
                self.too_old = None;
                return Poll::Ready(Expired::Aged);
            }
            let idle = self.idle_timeout.map(|timeout| match is_busy {
                true => now + timeout,
                false => self.last_activity + timeout,
            });
            if idle.is_some_and(|deadline| deadline <= now) {
                // In case the connection does not end at once.
                self.last_activity = now;
                return Poll::Ready(Expired::Idle);
            }
            match self.too_old.into_iter().chain(idle).min() {
                Some(next) => self.timer.as_mut().reset(next),
                // The maximum age has been reported, and there is no other limit.
                None => self.timer.as_mut().reset(now + NEVER),
            }
        }
    }
}

/// The shortest idle timeout: a timeout of zero would be due at every poll.
const SHORTEST: Duration = Duration::from_millis(1);

/// Returns `age` with up to a tenth added or subtracted at random, as in gRPC's servers.
fn jittered(age: Duration) -> Duration {
    let tenth = age / 10;
    (age - tenth).saturating_add(tenth.mul_f64(2.0 * fastrand::f64()))
}

/// The interval of a timer that is not needed any more: it can't be switched off and fires without
/// effect.
const NEVER: Duration = Duration::from_secs(60 * 60 * 24 * 365);
