//! Decides when a connection that must end does so. Works on plain times: it starts no timer and
//! does no I/O.
//!
//! TCP has no packet that says "send no more calls". A connection that must end therefore goes on
//! replying and closes at its first quiet moment. A connection that is never quiet, because its
//! caller always has something in flight, is closed before its deadline:
//!
//! ```text
//!   begun                                     last calls   gathered    close     deadline
//!     ├──────────── Draining ──────────────────────┼── Refusing ─────────┼─ Leaving ─┤
//!     │ closes when it is quiet for QUIET,         │ reads nothing,      │ reads on,
//!     │ after PATIENT when it is quiet at all      │ then refuses calls  │ until the peer closes too
//! ```

use std::time::Duration;

use tokio::time::Instant;

use crate::server::session::life::{Event, Life, OurSide};

/// Time for which nothing must be in flight and nothing arrive. Longer than the time a caller takes
/// to send its next call after the reply to its last one, shorter than the pauses of a caller that
/// sends a hundred calls a second.
const QUIET: Duration = Duration::from_millis(2);

/// Time to wait for a quiet moment of that length. After it, a moment with nothing in flight and
/// nothing unread suffices: a caller that never pauses for [`QUIET`] loses the calls that cross
/// such a moment sooner or later.
const PATIENT: Duration = Duration::from_secs(5);

/// Time to wait for the rest of a half-received frame.
const HALF_FRAME: Duration = Duration::from_secs(1);

/// Maximum time before the deadline in which new calls are refused.
const LAST_CALLS: Duration = Duration::from_secs(1);

/// Maximum time that calls wait in the system's buffer, until what is in flight has been answered,
/// before they are refused. Calls that are refused at once would be repeated at once, to no effect.
const GATHER: Duration = Duration::from_millis(100);

/// Time for the peer to close a connection after we have closed our side. Without it, the operating
/// system would answer what the peer is still sending with a reset, which can cost the peer our
/// last replies.
pub(super) const LINGER: Duration = Duration::from_secs(1);

/// The times of a connection's end.
#[derive(Debug)]
pub(super) struct Drain {
    begun: Instant,
    ends: Option<Ends>,
    /// Start of the current quiet time.
    quiet_since: Option<Instant>,
    /// True if nothing is read while handlers run.
    pub(super) is_gathering: bool,
    /// Deadline for the peer to read the queued replies.
    flush: Option<Instant>,
    /// Deadline for the peer to close its side.
    linger: Option<Instant>,
}

/// `last_calls <= gathered <= close <= deadline`.
#[derive(Debug, Clone, Copy)]
struct Ends {
    last_calls: Instant,
    gathered: Instant,
    close: Instant,
    deadline: Instant,
}

/// Whether a connection has anything to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Quiet {
    /// Something is in flight, unread or unsent.
    No,
    /// Nothing but half a frame; its rest may be on its way.
    HalfFrame,
    Yes,
}

/// The next step of a draining connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// This event happens now.
    Now(Event),
    /// The peer is read again.
    Read,
    /// Nothing happens before this time; `None` is never.
    At(Option<Instant>),
}

impl Ends {
    fn new(begun: Instant, deadline: Instant) -> Self {
        let last = LAST_CALLS.min(deadline.saturating_duration_since(begun) / 4);
        let last_calls = deadline - last;
        Self {
            last_calls,
            gathered: last_calls + GATHER.min(last / 4),
            close: deadline - last / 2,
            deadline,
        }
    }
}

impl Drain {
    /// Begins to drain. Returns the drain. Without a deadline, calls in flight have no time limit.
    pub(super) fn new(now: Instant, deadline: Option<Instant>) -> Self {
        Self {
            begun: now,
            ends: deadline.map(|deadline| Ends::new(now, deadline)),
            quiet_since: None,
            is_gathering: true,
            flush: None,
            linger: None,
        }
    }

    /// Replaces the deadline by `deadline`, if that is earlier.
    pub(super) fn hasten(&mut self, now: Instant, deadline: Option<Instant>) {
        let Some(deadline) = deadline else { return };
        if self.ends.is_none_or(|ends| deadline < ends.deadline) {
            self.ends = Some(Ends::new(now, deadline));
        }
    }

    /// Records activity: the connection is not quiet.
    pub(super) fn disturb(&mut self) {
        self.quiet_since = None;
    }

    /// Returns the next step for a connection in this state.
    pub(super) fn step(&mut self, now: Instant, life: Life, quiet: Quiet) -> Step {
        match life {
            Life::Draining => self.drain(now, quiet),
            Life::Refusing => self.refuse(now, quiet),
            Life::Leaving(side) => self.leave(now, side),
            // The peer does not read the replies queued for it.
            Life::PeerClosed => self.leave(now, OurSide::Closing),
            Life::Accepting | Life::Faulted(_) | Life::Over => Step::At(None),
        }
    }

    fn drain(&mut self, now: Instant, quiet: Quiet) -> Step {
        let needed = match quiet {
            Quiet::No => {
                self.quiet_since = None;
                None
            }
            Quiet::HalfFrame => Some(HALF_FRAME),
            Quiet::Yes if now < self.patient_until() => Some(QUIET),
            Quiet::Yes => Some(Duration::ZERO),
        };
        let leave = needed.map(|needed| *self.quiet_since.get_or_insert(now) + needed);
        let last_calls = self.ends.map(|ends| ends.last_calls);
        if last_calls.is_some_and(|last_calls| last_calls <= now) {
            return Step::Now(Event::LastCalls);
        }
        at(now, leave, Event::Leave, last_calls)
    }

    /// Returns the time until which a quiet moment must last for [`QUIET`].
    fn patient_until(&self) -> Instant {
        let all = self.ends.map(|ends| ends.deadline - self.begun);
        self.begun + all.map_or(PATIENT, |all| PATIENT.min(all / 4))
    }

    fn refuse(&mut self, now: Instant, quiet: Quiet) -> Step {
        let Some(ends) = self.ends else {
            return Step::Now(Event::Leave);
        };
        if self.is_gathering && ends.gathered <= now {
            self.is_gathering = false;
            return Step::Read;
        }
        let leave = if quiet == Quiet::No { ends.close } else { now };
        at(
            now,
            Some(leave),
            Event::Leave,
            self.is_gathering.then_some(ends.gathered),
        )
    }

    fn leave(&mut self, now: Instant, side: OurSide) -> Step {
        let over = match side {
            OurSide::Closed => self.linger.get_or_insert(now + LINGER),
            OurSide::Closing => {
                let deadline = self.ends.map_or(now, |ends| ends.deadline.max(now));
                self.flush.get_or_insert(deadline + LINGER)
            }
        };
        at(now, Some(*over), Event::LingerOver, None)
    }
}

/// Returns `event` if its time has come, otherwise the earlier of the two times.
fn at(now: Instant, time: Option<Instant>, event: Event, other: Option<Instant>) -> Step {
    match time {
        Some(time) if time <= now => Step::Now(event),
        time => Step::At(time.into_iter().chain(other).min()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn draining(timeout: Option<Duration>) -> (Drain, Instant) {
        let now = Instant::now();
        (Drain::new(now, timeout.map(|timeout| now + timeout)), now)
    }

    #[tokio::test(start_paused = true)]
    async fn a_quiet_connection_closes_after_a_moment_and_one_that_is_disturbed_begins_anew() {
        let (mut drain, now) = draining(Some(20 * SECOND));
        assert_eq!(drain.step(now, Life::Draining, Quiet::Yes), Step::At(Some(now + QUIET)));
        drain.disturb();
        let later = now + QUIET;
        assert_eq!(
            drain.step(later, Life::Draining, Quiet::Yes),
            Step::At(Some(later + QUIET))
        );
        let leave = drain.step(later + QUIET, Life::Draining, Quiet::Yes);
        assert_eq!(leave, Step::Now(Event::Leave));
    }

    #[tokio::test(start_paused = true)]
    async fn a_caller_without_pauses_is_left_at_the_first_moment_with_nothing_in_flight_after_some_seconds() {
        let (mut drain, now) = draining(None);
        assert_eq!(drain.step(now + PATIENT, Life::Draining, Quiet::No), Step::At(None));
        let leave = drain.step(now + PATIENT, Life::Draining, Quiet::Yes);
        assert_eq!(leave, Step::Now(Event::Leave));
    }

    #[tokio::test(start_paused = true)]
    async fn the_rest_of_a_frame_is_waited_for_a_second() {
        let (mut drain, now) = draining(None);
        let wait = Step::At(Some(now + HALF_FRAME));
        assert_eq!(drain.step(now, Life::Draining, Quiet::HalfFrame), wait);
    }

    #[tokio::test(start_paused = true)]
    async fn calls_are_refused_shortly_before_the_deadline() {
        let (mut drain, now) = draining(Some(20 * SECOND));
        let last_calls = now + 19 * SECOND;
        assert_eq!(drain.step(now, Life::Draining, Quiet::No), Step::At(Some(last_calls)));
        assert_eq!(
            drain.step(last_calls, Life::Draining, Quiet::No),
            Step::Now(Event::LastCalls)
        );
        assert_eq!(
            drain.step(last_calls, Life::Refusing, Quiet::No),
            Step::At(Some(last_calls + GATHER))
        );
        assert_eq!(drain.step(last_calls + GATHER, Life::Refusing, Quiet::No), Step::Read);
        let close = last_calls + SECOND / 2;
        assert_eq!(
            drain.step(last_calls + GATHER, Life::Refusing, Quiet::No),
            Step::At(Some(close))
        );
        assert_eq!(drain.step(close, Life::Refusing, Quiet::No), Step::Now(Event::Leave));
    }

    #[tokio::test(start_paused = true)]
    async fn a_later_deadline_does_not_replace_an_earlier_one() {
        let (mut drain, now) = draining(Some(8 * SECOND));
        let next = |drain: &mut Drain| drain.step(now, Life::Draining, Quiet::No);
        drain.hasten(now, Some(now + 20 * SECOND));
        drain.hasten(now, None);
        assert_eq!(next(&mut drain), Step::At(Some(now + 7 * SECOND)));
        drain.hasten(now, Some(now + 4 * SECOND));
        assert_eq!(next(&mut drain), Step::At(Some(now + 3 * SECOND)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_has_closed_and_takes_nothing_is_not_waited_for_without_end() {
        for timeout in [Duration::ZERO, 8 * SECOND] {
            let (mut drain, now) = draining(Some(timeout));
            let over = now + timeout + LINGER;
            assert_eq!(drain.step(now, Life::PeerClosed, Quiet::No), Step::At(Some(over)));
            let step = drain.step(over, Life::PeerClosed, Quiet::No);
            assert_eq!(step, Step::Now(Event::LingerOver));
        }
        assert_eq!(Life::PeerClosed.after(Event::LingerOver), Life::Over);
    }

    proptest! {
        /// Whatever happens and however often, a connection with a deadline has ended a second
        /// after the deadline.
        #[test]
        fn every_deadline_ends_a_connection(
            timeout in 0..40_000_u64,
            moments in proptest::collection::vec((0..500_u64, 0..3_u8, any::<bool>()), 0..200),
            closes in any::<bool>(),
        ) {
            let now = Instant::now();
            let deadline = now + Duration::from_millis(timeout);
            let (mut drain, mut life, mut time) = (Drain::new(now, Some(deadline)), Life::Draining, now);
            let mut moments = moments.into_iter();
            while life != Life::Over {
                prop_assert!(time <= deadline + LINGER, "{life:?} at {:?}", time - now);
                let (pause, quiet, disturbs) = moments.next().unwrap_or((500, 0, false));
                let quiet = [Quiet::No, Quiet::HalfFrame, Quiet::Yes][usize::from(quiet)];
                if disturbs {
                    drain.disturb();
                }
                match drain.step(time, life, quiet) {
                    Step::Now(event) => life = life.after(event),
                    Step::Read => {}
                    Step::At(next) => {
                        let pause = time + Duration::from_millis(pause + 1);
                        let next = next.expect("it has a deadline");
                        prop_assert!(next > time, "it would spin");
                        time = next.min(pause);
                    }
                }
                if closes && life == Life::Leaving(OurSide::Closing) {
                    life = life.after(Event::SideClosed);
                }
            }
        }
    }
}
