//! When the calls of one connection are due.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use tokio::time::Instant;

/// How late after the end of an open loop a call that was due before it may still begin.
const GRACE: Duration = Duration::from_millis(100);

/// The calls that a connection still has to begin.
#[derive(Debug)]
pub(super) enum Schedule {
    Closed {
        in_flight: usize,
        /// Number of calls that may still begin on all connections.
        left: Arc<AtomicU64>,
        end: Option<Instant>,
    },
    Open {
        start: Instant,
        per_second: f64,
        /// The number of the next call among those of all connections.
        next: u64,
        /// Number of connections.
        step: u64,
        /// Number of calls of all connections.
        count: u64,
        /// The time after which no call begins, however many were due.
        end: Instant,
    },
    Over,
}

/// Whether a call begins now.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// It was due at this time, which is not in the future.
    Begin(Instant),
    /// None before this time.
    At(Instant),
    /// None until one of those in flight has ended.
    Full,
    /// None, ever.
    Never,
}

impl Schedule {
    /// Returns an open loop's part for the connection with this `index`.
    pub(super) fn open(start: Instant, per_second: f64, count: u64, index: usize, connections: usize) -> Self {
        Self::Open {
            start,
            per_second,
            next: index as u64,
            step: connections as u64,
            count,
            end: start + Duration::from_secs_f64(count as f64 / per_second) + GRACE,
        }
    }

    /// Returns whether a call begins now, and takes it from the schedule if it does.
    pub(super) fn next(&mut self, now: Instant, in_flight: usize) -> Next {
        match self {
            Self::Over => Next::Never,
            Self::Closed { in_flight: max, .. } if in_flight >= *max => Next::Full,
            Self::Closed { left, end, .. } => {
                let is_left = || left.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(1)).is_ok();
                if end.is_none_or(|end| now < end) && is_left() {
                    return Next::Begin(now);
                }
                *self = Self::Over;
                Next::Never
            }
            Self::Open {
                start,
                per_second,
                next,
                step,
                count,
                end,
            } => {
                let due = *start + Duration::from_secs_f64(*next as f64 / *per_second);
                if *next >= *count || now > *end {
                    *self = Self::Over;
                    Next::Never
                } else if due > now {
                    Next::At(due)
                } else {
                    *next += *step;
                    Next::Begin(due)
                }
            }
        }
    }

    pub(super) fn is_over(&self) -> bool {
        matches!(self, Self::Over)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn calls_of_an_open_loop_are_due_whatever_is_in_flight() {
        let start = Instant::now();
        let at = |milliseconds| start + Duration::from_millis(milliseconds);
        // Ten calls per second on two connections: the second one has those at 100 and 300 ms.
        let mut second = Schedule::open(start, 10.0, 4, 1, 2);
        assert_eq!(second.next(start, 0), Next::At(at(100)));
        assert_eq!(second.next(at(350), 5000), Next::Begin(at(100)));
        assert_eq!(second.next(at(350), 5001), Next::Begin(at(300)));
        assert_eq!(second.next(at(350), 0), Next::Never);
        assert!(second.is_over());
    }

    #[tokio::test(start_paused = true)]
    async fn calls_that_were_not_begun_in_time_never_begin() {
        let start = Instant::now();
        let mut schedule = Schedule::open(start, 10.0, 4, 0, 1);
        assert_eq!(schedule.next(start + Duration::from_secs(1), 0), Next::Never);
    }

    #[tokio::test(start_paused = true)]
    async fn connections_of_a_closed_loop_share_the_calls_that_are_left() {
        let start = Instant::now();
        let left = Arc::new(AtomicU64::new(2));
        let schedule = || Schedule::Closed {
            in_flight: 1,
            left: Arc::clone(&left),
            end: None,
        };
        let (mut one, mut other) = (schedule(), schedule());
        assert_eq!(one.next(start, 0), Next::Begin(start));
        assert_eq!(one.next(start, 1), Next::Full);
        assert_eq!(other.next(start, 0), Next::Begin(start));
        assert_eq!(one.next(start, 0), Next::Never);
        assert!(one.is_over() && !other.is_over());
    }
}
