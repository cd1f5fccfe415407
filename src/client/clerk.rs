//! Who attends to a desk, whether or not there is a link: starts patiences, ends them, wakes callers. Does no I/O.

use std::{
    future::Future,
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use tokio::time::Instant;

use super::{CallError, Disconnected, calls::Woken, desk::Desk, limit::earlier, papers::Papers, timer::Timer};
use crate::packet::{CallId, Outcome};

/// The part of a link's task that looks after its desk. When it is dropped, those who still wait there are told.
#[derive(Debug)]
pub(super) struct Clerk {
    pub(super) desk: Arc<Desk>,
    timer: Timer,
    drain_timeout: Duration,
    closing: Closing,
    /// Whom to wake; kept for its memory.
    woken: Woken,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Closing {
    NotYet,
    /// What is under way has until then; for ever, if that is later than time goes.
    Until(Option<Instant>),
    /// The time is over.
    Overdue,
}

impl Clerk {
    pub(super) fn new(desk: Arc<Desk>, drain_timeout: Duration) -> Self {
        Self {
            desk,
            timer: Timer::default(),
            drain_timeout,
            closing: Closing::NotYet,
            woken: Woken::new(),
        }
    }

    /// Takes notice of what has been brought and tells those whose time is over; says whether anything changed.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> bool {
        let mut moved = self.poll_news(cx);
        while self.timer.poll(cx) {
            self.expire();
            moved = true;
        }
        moved
    }

    /// Does `work` meanwhile; `None` if `is_enough` said so before that was done.
    pub(super) async fn attend<T>(
        &mut self,
        work: impl Future<Output = T>,
        is_enough: impl Fn(&Self) -> bool,
    ) -> Option<T> {
        let mut work = pin!(work);
        std::future::poll_fn(|cx| {
            while self.poll(cx) {}
            if is_enough(self) {
                return Poll::Ready(None);
            }
            work.as_mut().poll(cx).map(Some)
        })
        .await
    }

    /// Does something to what lies on the desk, and wakes whom that concerns when the lock is free again.
    pub(super) fn change<T>(&mut self, change: impl FnOnce(&mut Papers, &mut Woken) -> T) -> T {
        let changed = change(&mut self.desk.lock(), &mut self.woken);
        self.woken.drain(..).for_each(Waker::wake);
        changed
    }

    /// Starts the patience of what is new; whether this has to be polled for that.
    pub(super) fn start(&mut self, papers: &mut Papers) -> bool {
        let next = papers.start();
        self.timer.cover(next)
    }

    /// Hands replies to the calls they belong to. Replies to nobody are ignored, as in Nest.
    pub(super) fn deliver(&mut self, replies: &mut Vec<(CallId, Outcome)>, now: Instant) {
        if replies.is_empty() {
            return;
        }
        let mut strays = Vec::new();
        self.change(|papers, woken| {
            for (id, outcome) in replies.drain(..) {
                if !papers.calls.deliver(id, outcome, now, woken) {
                    strays.push(id);
                }
            }
        });
        for id in strays {
            tracing::debug!(%id, "a reply to nobody");
        }
    }

    /// Tells whoever waits for a link that there is none.
    pub(super) fn fail_waiting(&mut self, error: &CallError) {
        let freed = self.change(|papers, woken| papers.fail_waiting(error, woken));
        self.desk.slots.add_permits(freed);
    }

    /// Tells whose packets went with a link.
    pub(super) fn fail_sent(&mut self, reason: Disconnected) {
        self.change(|papers, woken| papers.fail_sent(reason, woken));
    }

    /// Whether a link is needed now.
    pub(super) fn wants_link(&self) -> bool {
        self.desk.lock().wants_link()
    }

    pub(super) fn is_closing(&self) -> bool {
        self.closing != Closing::NotYet
    }

    /// Whether it is closing and nothing is left to do, but perhaps to write.
    pub(super) fn is_drained(&self) -> bool {
        self.is_closing() && self.desk.lock().is_drained()
    }

    /// Whether it has been closing for too long.
    pub(super) fn is_overdue(&self) -> bool {
        self.closing == Closing::Overdue
    }

    fn poll_news(&mut self, cx: &mut Context<'_>) -> bool {
        let mut papers = self.desk.lock();
        if !papers.has_news(cx) {
            return false;
        }
        let mut next = papers.start();
        if papers.is_closing && self.closing == Closing::NotYet {
            let deadline = Instant::now().checked_add(self.drain_timeout);
            self.closing = Closing::Until(deadline);
            next = earlier(next, deadline);
        }
        drop(papers);
        self.timer.cover(next);
        true
    }

    /// The timer has rung: somebody's time may be over.
    fn expire(&mut self) {
        let now = Instant::now();
        let (mut next, freed) = self.change(|papers, woken| papers.expire(now, woken));
        self.desk.slots.add_permits(freed);
        match self.closing {
            Closing::Until(Some(deadline)) if deadline <= now => self.closing = Closing::Overdue,
            Closing::Until(deadline) => next = earlier(next, deadline),
            Closing::NotYet | Closing::Overdue => {}
        }
        self.timer.cover(next);
    }
}

impl Drop for Clerk {
    fn drop(&mut self) {
        self.desk.leave();
    }
}
