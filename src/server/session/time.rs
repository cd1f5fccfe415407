//! The deadlines of a connection.

use std::{
    future::Future,
    task::{Context, Poll, ready},
};

use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::{Instant, sleep_until},
};

use crate::server::{
    exchange::budget::is_budget_used_up,
    limits::Expired,
    session::{
        Session,
        drain::{Drain, Quiet, Step},
        draining::Draining,
        life::Event,
    },
};

impl<IO: AsyncRead + AsyncWrite + Unpin> Session<IO> {
    /// Begins to drain, or brings the deadline of a running drain forward.
    pub(super) fn stop(&mut self, deadline: Option<Instant>) {
        let now = Instant::now();
        self.pass(Event::Stop);
        match &mut self.draining {
            Some(draining) => draining.drain.hasten(now, deadline),
            none => {
                *none = Some(Box::new(Draining {
                    drain: Drain::new(now, deadline),
                    timer: Box::pin(sleep_until(now)),
                }));
            }
        }
    }

    /// Completes when time has changed something. Returns true if the connection must be cut.
    pub(super) fn poll_time(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        if let Poll::Ready(is_cut) = self.poll_limits(cx) {
            return Poll::Ready(is_cut);
        }
        self.poll_drain(cx).map(|()| false)
    }

    fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let quiet = self.quiet();
        let Some(draining) = &mut self.draining else {
            return Poll::Pending;
        };
        loop {
            match draining.drain.step(Instant::now(), self.life, quiet) {
                Step::Now(event) => {
                    self.pass(event);
                    return Poll::Ready(());
                }
                Step::Read => return Poll::Ready(()),
                Step::At(None) => return Poll::Pending,
                Step::At(Some(next)) => {
                    if draining.timer.deadline() != next {
                        draining.timer.as_mut().reset(next);
                    }
                    ready!(draining.timer.as_mut().poll(cx));
                }
            }
        }
    }

    /// Returns whether the connection has anything to do. Must be called right after a poll of the
    /// connection.
    fn quiet(&mut self) -> Quiet {
        // Without budget, a socket with unread data returns `Pending`.
        let is_busy =
            !self.in_flight.is_empty() || self.connection.queued() > 0 || self.is_paused() || is_budget_used_up();
        match is_busy {
            true => Quiet::No,
            false if self.connection.is_mid_frame() => Quiet::HalfFrame,
            false => Quiet::Yes,
        }
    }

    /// Completes when a limit ends the connection. Returns true if the connection must be cut.
    fn poll_limits(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        let Some(connection_limiter) = &mut self.connection_limiter else {
            return Poll::Pending;
        };
        let takes_nothing = self.connection.queued() > 0;
        let is_busy = !(self.in_flight.is_empty() || takes_nothing);
        let due = ready!(connection_limiter.poll_due(cx, is_busy));
        let (events, grace) = (
            &connection_limiter.limiter.events,
            connection_limiter.limiter.limits.max_age_grace,
        );
        match due {
            Expired::Aged => events.aged_closed(),
            // The peer had its time to read what was queued for it.
            Expired::Idle if takes_nothing => {
                events.stalled_cut();
                return Poll::Ready(true);
            }
            Expired::Idle => events.idle_closed(),
        }
        self.stop(Instant::now().checked_add(grace));
        Poll::Ready(false)
    }

    /// Records activity: the connection is not idle.
    pub(super) fn mark_active(&mut self) {
        if let Some(connection_limiter) = &mut self.connection_limiter {
            connection_limiter.mark_active();
        }
        if let Some(draining) = &mut self.draining {
            draining.drain.disturb();
        }
    }
}
