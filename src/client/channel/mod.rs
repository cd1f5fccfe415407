//! Where the handles of a client and the task of a link meet. Does no I/O.
//!
//! What lies there is behind one lock, which is held for moments: nobody waits, serialises, parses, logs or wakes, that
//! is, runs code of others, while holding it.

pub(in crate::client) mod call_state;
pub(in crate::client) mod channel_state;
pub(in crate::client) mod listed;
#[cfg(all(test, shuttle))]
pub(in crate::client) mod model;
pub(in crate::client) mod outbound;
pub(in crate::client) mod pending;
pub(in crate::client) mod values;
pub(in crate::client) mod waiter;

#[cfg(not(all(test, shuttle)))]
use std::sync::{Mutex, MutexGuard};
use std::{
    num::NonZeroUsize,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::PoisonError,
    task::{Context, Poll, Waker},
};

#[cfg(all(test, shuttle))]
use shuttle::sync::{Mutex, MutexGuard};
use tokio::{
    sync::{Notify, Semaphore, SemaphorePermit, futures::Notified},
    time::Instant,
};

use crate::{
    client::{
        CallError, Disconnected,
        call::outgoing::{Errand, Kind},
        channel::{
            call_state::Stage,
            channel_state::Papers,
            pending::{Because, Key, Returned, Woken},
            values::Values,
            waiter::{Answer, Waiter, Wants},
        },
    },
    compat::Compat,
    packet::{CallId, RawJson},
};

#[derive(Debug)]
pub(in crate::client) struct Desk {
    papers: Mutex<Papers>,
    /// Handles take a slot for each packet before they put it down; it is given back when the packet leaves.
    pub(in crate::client) slots: Semaphore,
    /// Tells that the task has ended.
    ended: Notify,
    /// How many bytes of a stream's values may wait to be taken.
    max_stream_buffer: usize,
}

/// What became of an errand.
#[derive(Debug)]
pub(in crate::client) struct Submitted {
    pub(in crate::client) key: Key,
    /// Whether there is no task yet: the caller has to start it.
    pub(in crate::client) is_first: bool,
}

/// What a caller finds at the end of its call.
#[derive(Debug)]
pub(in crate::client) enum End {
    /// The answer, or JavaScript's undefined.
    Value(Option<RawJson>),
    /// Its link is lost, the packet was not written, and there is another link.
    Returned(Returned),
}

/// How far something is that a caller waits for.
#[derive(Debug)]
pub(in crate::client) enum Progress<T> {
    Ready(T),
    /// The caller is woken when it goes on.
    Pending,
    /// As `Pending`, and there is no task, its runtime being gone: the caller has to start one.
    Unattended,
}

/// Why a packet was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::client) enum Refused {
    /// There is no slot for it.
    Full,
    Closed,
}

impl Desk {
    pub(in crate::client) fn new(max_queued: NonZeroUsize, max_stream_buffer: usize, compat: Compat) -> Self {
        Self {
            papers: Mutex::new(Papers::new(compat)),
            slots: Semaphore::new(max_queued.get().min(Semaphore::MAX_PERMITS)),
            ended: Notify::new(),
            max_stream_buffer,
        }
    }

    /// Ignores poisoning: every change under the lock is complete before anything can panic.
    pub(in crate::client) fn lock(&self) -> MutexGuard<'_, Papers> {
        self.papers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a packet down, if there is a slot for it; `slot` is one that was waited for.
    pub(in crate::client) fn submit(
        &self,
        errand: &mut Errand,
        waker: Option<Waker>,
        slot: Option<SemaphorePermit<'_>>,
    ) -> Result<Submitted, Refused> {
        let Errand { draft, kind } = errand;
        let (stage, wants) = match *kind {
            Kind::Request => (Stage::Queued, Wants::Last { so_far: None }),
            Kind::First => (Stage::Queued, Wants::First),
            Kind::Stream { since } => {
                let values = Values::new(self.max_stream_buffer, since);
                (Stage::Queued, Wants::Each(Box::new(values)))
            }
            Kind::Event => (Stage::QueuedEvent, Wants::Done),
        };
        let waiter = Waiter::new(wants, waker);
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

    /// Asks for a link; `None` if there will never be one.
    pub(in crate::client) fn connect(&self) -> Option<Submitted> {
        let waiter = Waiter::new(Wants::Done, None);
        let mut papers = self.lock();
        if papers.is_closing {
            return None;
        }
        let key = papers.calls.begin_linking(waiter);
        Some(brought(papers, key))
    }

    /// Takes it upon the caller to start a task. Returns false if there is one, or need be none any more.
    pub(in crate::client) fn attend(&self) -> bool {
        let mut papers = self.lock();
        let is_left = !papers.is_attended && !papers.is_closing;
        papers.is_attended |= is_left;
        is_left
    }

    /// The id of a request.
    pub(in crate::client) fn id(&self, key: Key) -> CallId {
        self.lock().calls.id(key)
    }

    /// How the call has ended.
    pub(in crate::client) fn poll_end(&self, key: Key, cx: &mut Context<'_>) -> Progress<Result<End, CallError>> {
        let mut papers = self.lock();
        if let Some(end) = papers.calls.take_end(key) {
            return Progress::Ready(end.map(End::Value));
        }
        if let Some(returned) = papers.calls.take_returned(key) {
            return Progress::Ready(Ok(End::Returned(returned)));
        }
        let _not_while_locked = papers.calls.watch(key, cx.waker());
        pending(papers)
    }

    /// Returns the packet of a stream if it was not written and has been given back. The call is gone then.
    pub(in crate::client) fn take_returned(&self, key: Key) -> Option<Returned> {
        self.lock().calls.take_returned(key)
    }

    /// Gives all that waits to be written back to its callers, which put it down at another link's desk. Returns the
    /// events whose callers have gone. Their slots stay taken: each is either [kept](Self::keep), or its slot
    /// [freed](Self::free).
    pub(in crate::client) fn hand_back(&self) -> Vec<Vec<u8>> {
        let mut woken = Woken::new();
        let (freed, orphans) = self.lock().hand_back(&mut woken);
        self.slots.add_permits(freed);
        wake(woken.drain(..));
        orphans
    }

    /// Puts the packet of an event down that nobody waits for, if there is a slot for it. Returns it otherwise.
    pub(in crate::client) fn adopt(&self, packet: Vec<u8>) -> Result<(), Vec<u8>> {
        let papers = self.lock();
        if papers.is_closing {
            return Err(packet);
        }
        let Ok(slot) = self.slots.try_acquire() else {
            return Err(packet);
        };
        slot.forget();
        take_in(papers, packet);
        Ok(())
    }

    /// Puts the packet of an event down again whose slot is still taken.
    pub(in crate::client) fn keep(&self, packet: Vec<u8>) {
        take_in(self.lock(), packet);
    }

    /// Gives the slot of an event back that has gone to another desk.
    pub(in crate::client) fn free(&self) {
        self.slots.add_permits(1);
    }

    /// The next value of a stream, or its end.
    pub(in crate::client) fn poll_next(&self, key: Key, cx: &mut Context<'_>) -> Progress<Option<Answer>> {
        let mut papers = self.lock();
        let (next, has_room_again) = papers.calls.poll_next(key);
        match next {
            Poll::Ready(next) => {
                let sleeper = if has_room_again { papers.news() } else { None };
                drop(papers);
                sleeper.into_iter().for_each(Waker::wake);
                Progress::Ready(next)
            }
            Poll::Pending => {
                let _not_while_locked = papers.calls.watch(key, cx.waker());
                pending(papers)
            }
        }
    }

    /// When the last value of a stream came, from which its next timeout counts.
    pub(in crate::client) fn since(&self, key: Key) -> Option<Instant> {
        self.lock().calls.since(key)
    }

    /// The caller has gone. Returns its packet if that was not written and has been given back.
    pub(in crate::client) fn give_up(&self, key: Key, because: Because) -> Option<Vec<u8>> {
        let mut papers = self.lock();
        let (stage, mut not_while_locked) = papers.calls.give_up(key, because);
        let was_queued = stage.is_some_and(Stage::is_queued);
        if was_queued {
            papers.tidy();
        }
        // Perhaps nobody wants a link any more, or that was the last call of a client that is closing or of a connection
        // that takes no more, or a stream that was full.
        let is_news = stage.is_some_and(|stage| stage != Stage::Over) || papers.is_closing;
        let sleeper = if is_news { papers.news() } else { None };
        drop(papers);
        if was_queued {
            self.slots.add_permits(1);
        }
        sleeper.into_iter().for_each(Waker::wake);
        not_while_locked.as_mut().and_then(Waiter::take_returned)
    }

    /// Lets nothing more in; whether it is closed by that: else there is a task, which will finish what is under way.
    pub(in crate::client) fn close(&self) -> bool {
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
    pub(in crate::client) async fn is_left(&self) {
        loop {
            let ended = self.ended.notified();
            if !self.lock().is_attended {
                return;
            }
            ended.await;
        }
    }

    /// Fails all pending calls, because closing has taken too long. The task cuts its connection at its next poll.
    pub(in crate::client) fn cut(&self) {
        let mut woken = Woken::new();
        let mut papers = self.lock();
        papers.is_overdue = true;
        papers.fail_sent(Disconnected::Closed, &mut woken);
        let freed = papers.fail_waiting(&CallError::Closed, &mut woken);
        woken.extend(papers.news());
        drop(papers);
        self.slots.add_permits(freed);
        wake(woken.drain(..));
    }

    /// The task has ended, or has been dropped with its runtime: what was written fails. What only waited goes on waiting,
    /// and the first caller that is polled starts another task, in a runtime that is driven. A client that is closing
    /// starts none.
    pub(in crate::client) fn leave(&self) {
        let mut woken = Woken::new();
        let mut papers = self.lock();
        papers.fail_sent(Disconnected::Stopped, &mut woken);
        let is_closing = papers.is_closing;
        let freed = if is_closing {
            papers.fail_waiting(&stopped(), &mut woken)
        } else {
            papers.wake_waiting(&mut woken);
            0
        };
        papers.is_attended = false;
        let _not_while_locked = papers.news();
        drop(papers);
        self.slots.add_permits(freed);
        if is_closing {
            self.slots.close();
        }
        self.ended.notify_waiters();
        wake(woken.drain(..));
    }

    /// Ready when a task ends from now on.
    pub(in crate::client) fn ended(&self) -> Notified<'_> {
        self.ended.notified()
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

/// Adds the packet of an event that nobody waits for, and wakes the task. Where there is none, the next caller that is
/// polled starts one.
fn take_in(mut papers: MutexGuard<'_, Papers>, packet: Vec<u8>) {
    papers.push_orphan(packet);
    let sleeper = papers.news();
    drop(papers);
    sleeper.into_iter().for_each(Waker::wake);
}

/// A caller waits, and has its waker registered.
fn pending<T>(mut papers: MutexGuard<'_, Papers>) -> Progress<T> {
    match std::mem::replace(&mut papers.is_attended, true) {
        true => Progress::Pending,
        false => Progress::Unattended,
    }
}

/// Wakes them all: a waker that panics keeps no other one from being woken.
pub(in crate::client) fn wake(mut woken: impl Iterator<Item = Waker>) {
    while catch_unwind(AssertUnwindSafe(|| woken.by_ref().for_each(Waker::wake))).is_err() {}
}

fn stopped() -> CallError {
    CallError::ConnectionClosed(Disconnected::Stopped)
}
