//! Where the handles of a client and the task of a link meet. Does no I/O.
//!
//! What lies there is behind one lock, which is held for moments: nobody waits, serialises, parses, logs or wakes, that
//! is, runs code of others, while holding it.

use std::{
    num::NonZeroUsize,
    sync::{Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

use tokio::sync::{Notify, Semaphore, SemaphorePermit};

use super::{
    CallError, Disconnected,
    calls::{Key, Returned, Woken},
    errand::{Errand, Kind},
    limit::{Limit, earlier},
    papers::Papers,
    stage::Stage,
    waiter::{Answer, Waiter, Wants},
};
use crate::{compat::Compat, packet::CallId};

#[derive(Debug)]
pub(super) struct Desk {
    papers: Mutex<Papers>,
    /// Handles take a slot for each packet before they put it down; it is given back when the packet leaves.
    pub(super) slots: Semaphore,
    /// Tells that the task has ended.
    ended: Notify,
}

/// What became of an errand.
#[derive(Debug)]
pub(super) struct Submitted {
    pub(super) key: Key,
    /// Whether there is no task yet: the caller has to start it.
    pub(super) is_first: bool,
}

/// What a caller finds at the end of its call.
#[derive(Debug)]
pub(super) enum End {
    Answer(Answer),
    /// Its link is lost, the packet was not written, and there is another link.
    Returned(Returned),
}

/// Why a packet was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    /// There is no slot for it.
    Full,
    Closed,
}

impl Desk {
    pub(super) fn new(max_queued: NonZeroUsize, compat: Compat) -> Self {
        Self {
            papers: Mutex::new(Papers::new(compat)),
            slots: Semaphore::new(max_queued.get().min(Semaphore::MAX_PERMITS)),
            ended: Notify::new(),
        }
    }

    /// No change leaves it half done: whoever panicked with the lock has left it whole.
    pub(super) fn lock(&self) -> MutexGuard<'_, Papers> {
        self.papers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a packet down, if there is a slot for it; `slot` is one that was waited for.
    pub(super) fn submit(
        &self,
        errand: &mut Errand,
        waker: Option<Waker>,
        slot: Option<SemaphorePermit<'_>>,
    ) -> Result<Submitted, Refused> {
        let Errand { draft, kind, limit } = errand;
        let (stage, wants) = match kind {
            Kind::Request => (Stage::Queued, Wants::Last { so_far: None }),
            Kind::Stream => (Stage::Queued, Wants::Each(Box::default())),
            Kind::Event => (Stage::QueuedEvent, Wants::Done),
        };
        let waiter = Waiter::new(wants, *limit, waker);
        let mut papers = self.lock();
        if papers.is_closing {
            return Err(Refused::Closed);
        }
        let slot = slot.map_or_else(|| self.slots.try_acquire(), Ok);
        slot.map_err(|_| Refused::Full)?.forget();
        let Papers { calls, queue, .. } = &mut *papers;
        let key = calls.begin(stage, waiter);
        let id = (stage == Stage::Queued).then(|| calls.id(key));
        queue.push(key, draft, id);
        Ok(brought(papers, key))
    }

    /// Asks for a link; `None` if there will never be one. The patience has been started.
    pub(super) fn connect(&self, limit: Limit) -> Option<Submitted> {
        let waiter = Waiter::new(Wants::Done, limit, None);
        let mut papers = self.lock();
        if papers.is_closing {
            return None;
        }
        papers.due = earlier(papers.due, limit.deadline());
        let key = papers.calls.begin(Stage::Linking, waiter);
        Some(brought(papers, key))
    }

    /// The id of a request.
    pub(super) fn id(&self, key: Key) -> CallId {
        self.lock().calls.id(key)
    }

    /// How the call has ended.
    pub(super) fn poll_end(&self, key: Key, cx: &mut Context<'_>) -> Poll<End> {
        let mut papers = self.lock();
        if let Some(end) = papers.calls.take_end(key) {
            return Poll::Ready(End::Answer(end));
        }
        if let Some(returned) = papers.calls.take_returned(key) {
            return Poll::Ready(End::Returned(returned));
        }
        let _not_while_locked = papers.calls.watch(key, cx.waker());
        drop(papers);
        Poll::Pending
    }

    /// Returns the packet of a stream if it was not written and has been given back. The call is gone then.
    pub(super) fn take_returned(&self, key: Key) -> Option<Returned> {
        self.lock().calls.take_returned(key)
    }

    /// Gives all that waits to be written back to its callers, which put it down at another link's desk.
    pub(super) fn hand_back(&self) {
        let mut woken = Woken::new();
        let freed = self.lock().hand_back(&mut woken);
        self.slots.add_permits(freed);
        woken.into_iter().for_each(Waker::wake);
    }

    /// The next value of a stream, or its end.
    pub(super) fn poll_next(&self, key: Key, cx: &mut Context<'_>) -> Poll<Option<Answer>> {
        let (next, _not_while_locked) = self.lock().calls.poll_next(key, cx.waker());
        next
    }

    /// The caller has gone.
    pub(super) fn give_up(&self, key: Key) {
        let mut papers = self.lock();
        let (stage, _not_while_locked) = papers.calls.give_up(key);
        let was_queued = stage == Some(Stage::Queued);
        if was_queued {
            papers.tidy();
        }
        // Perhaps nobody wants a link any more, or that was the last call of a client that is closing.
        let is_news = was_queued || papers.is_closing;
        let sleeper = if is_news { papers.news() } else { None };
        drop(papers);
        if was_queued {
            self.slots.add_permits(1);
        }
        sleeper.into_iter().for_each(Waker::wake);
    }

    /// Lets nothing more in; whether it is closed by that: else there is a task, which will finish what is under way.
    pub(super) fn close(&self) -> bool {
        let mut papers = self.lock();
        let is_new = !std::mem::replace(&mut papers.is_closing, true);
        let sleeper = papers.news();
        let is_left = !papers.is_attended;
        drop(papers);
        if is_left {
            self.slots.close();
        }
        sleeper.into_iter().for_each(Waker::wake);
        is_new && is_left
    }

    /// Ready when there is no task, or no more.
    pub(super) async fn is_left(&self) {
        loop {
            let ended = self.ended.notified();
            if !self.lock().is_attended {
                return;
            }
            ended.await;
        }
    }

    /// The task has ended, or has been dropped with its runtime: who still waits is told.
    pub(super) fn leave(&self) {
        let mut woken = Woken::new();
        let mut papers = self.lock();
        let freed = papers.fail_waiting(&stopped(), &mut woken);
        papers.fail_sent(Disconnected::Stopped, &mut woken);
        papers.is_attended = false;
        let _not_while_locked = papers.sleeper.take();
        let is_closing = papers.is_closing;
        drop(papers);
        self.slots.add_permits(freed);
        if is_closing {
            self.slots.close();
        }
        self.ended.notify_waiters();
        woken.into_iter().for_each(Waker::wake);
    }
}

/// Wakes the task, now that something has been brought.
fn brought(mut papers: MutexGuard<'_, Papers>, key: Key) -> Submitted {
    let is_first = !std::mem::replace(&mut papers.is_attended, true);
    let sleeper = papers.news();
    drop(papers);
    sleeper.into_iter().for_each(Waker::wake);
    Submitted { key, is_first }
}

fn stopped() -> CallError {
    CallError::ConnectionClosed(Disconnected::Stopped)
}
