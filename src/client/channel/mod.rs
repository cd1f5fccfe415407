//! The channel between the handles of a client and the task that drives a connection. Does no I/O.
//!
//! Its state is behind one lock, which is held for moments: nobody waits, serialises, parses, logs
//! or wakes, that is, runs code of others, while holding it.

pub(in crate::client) mod answer;
pub(in crate::client) mod call_key;
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
        CallError, DisconnectReason,
        call::outgoing::{CallKind, OutgoingCall},
        channel::{
            answer::Answer,
            call_key::CallKey,
            call_state::CallState,
            channel_state::ChannelState,
            pending::{CancelReason, Returned, WakeList},
            values::ReceivedValues,
            waiter::{ReplyMode, Waiter},
        },
    },
    compat::Compat,
    packet::{CallId, RawJson},
};

#[derive(Debug)]
pub(in crate::client) struct RequestChannel {
    state: Mutex<ChannelState>,
    /// Handles take a slot for each packet before they put it down; it is given back when the
    /// packet leaves.
    pub(in crate::client) queue_permits: Semaphore,
    /// Notes that the task has ended.
    ended: Notify,
    /// How many bytes of a stream's values may wait to be taken.
    max_stream_buffer: usize,
}

/// What became of a request.
#[derive(Debug)]
pub(in crate::client) struct Submitted {
    pub(in crate::client) key: CallKey,
    /// Whether there is no task yet: the caller has to start it.
    pub(in crate::client) is_first: bool,
}

/// What a caller finds at the end of its call.
#[derive(Debug)]
pub(in crate::client) enum End {
    /// The answer, or JavaScript's undefined.
    Value(Option<RawJson>),
    /// Its connection is lost, the packet was not written, and there is another connection.
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

impl RequestChannel {
    pub(in crate::client) fn new(max_queued: NonZeroUsize, max_stream_buffer: usize, compat: Compat) -> Self {
        Self {
            state: Mutex::new(ChannelState::new(compat)),
            queue_permits: Semaphore::new(max_queued.get().min(Semaphore::MAX_PERMITS)),
            ended: Notify::new(),
            max_stream_buffer,
        }
    }

    /// Ignores poisoning: every change under the lock is complete before anything can panic.
    pub(in crate::client) fn lock(&self) -> MutexGuard<'_, ChannelState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a packet down, if there is a slot for it; `slot` is one that was waited for.
    pub(in crate::client) fn submit(
        &self,
        outgoing: &mut OutgoingCall,
        waker: Option<Waker>,
        slot: Option<SemaphorePermit<'_>>,
    ) -> Result<Submitted, Refused> {
        let OutgoingCall { draft, kind } = outgoing;
        let (call_state, wants) = match *kind {
            CallKind::Request => (CallState::Queued, ReplyMode::Last { so_far: None }),
            CallKind::First => (CallState::Queued, ReplyMode::First),
            CallKind::Stream { since } => {
                let values = ReceivedValues::new(self.max_stream_buffer, since);
                (CallState::Queued, ReplyMode::Each(Box::new(values)))
            }
            CallKind::Event => (CallState::QueuedEvent, ReplyMode::Done),
        };
        let waiter = Waiter::new(wants, waker);
        let mut state = self.lock();
        if state.is_closing {
            return Err(Refused::Closed);
        }
        let slot = slot.map_or_else(|| self.queue_permits.try_acquire(), Ok);
        slot.map_err(|_| Refused::Full)?.forget();
        let ChannelState { calls, queue, .. } = &mut *state;
        let key = calls.insert(call_state, waiter);
        let id = (call_state == CallState::Queued).then(|| calls.id(key));
        queue.push(key, draft, id);
        Ok(notify_driver(state, key))
    }

    /// Asks for a connection; `None` if there will never be one.
    pub(in crate::client) fn connect(&self) -> Option<Submitted> {
        let waiter = Waiter::new(ReplyMode::Done, None);
        let mut state = self.lock();
        if state.is_closing {
            return None;
        }
        let key = state.calls.insert_awaiting_connection(waiter);
        Some(notify_driver(state, key))
    }

    /// Takes it upon the caller to start a task. Returns false if there is one, or need be none any
    /// more.
    pub(in crate::client) fn attend(&self) -> bool {
        let mut state = self.lock();
        let driver_stopped = !state.driver_running && !state.is_closing;
        state.driver_running |= driver_stopped;
        driver_stopped
    }

    /// Returns the id of a request.
    pub(in crate::client) fn id(&self, key: CallKey) -> CallId {
        self.lock().calls.id(key)
    }

    /// How the call has ended.
    pub(in crate::client) fn poll_end(&self, key: CallKey, cx: &mut Context<'_>) -> Progress<Result<End, CallError>> {
        let mut state = self.lock();
        if let Some(end) = state.calls.take_end(key) {
            return Progress::Ready(end.map(End::Value));
        }
        if let Some(returned) = state.calls.take_returned(key) {
            return Progress::Ready(Ok(End::Returned(returned)));
        }
        let _not_while_locked = state.calls.watch(key, cx.waker());
        pending(state)
    }

    /// Returns the packet of a stream if it was not written and has been given back. The call is
    /// gone then.
    pub(in crate::client) fn take_returned(&self, key: CallKey) -> Option<Returned> {
        self.lock().calls.take_returned(key)
    }

    /// Gives all that waits to be written back to its callers, which put it down at another
    /// connection's channel. Returns the events whose callers have gone. Their slots stay taken:
    /// each is either [kept](Self::keep), or its slot [freed](Self::free).
    pub(in crate::client) fn hand_back(&self) -> Vec<Vec<u8>> {
        let mut woken = WakeList::new();
        let (freed, orphans) = self.lock().hand_back(&mut woken);
        self.queue_permits.add_permits(freed);
        wake(woken.drain(..));
        orphans
    }

    /// Puts the packet of an event down that nobody waits for, if there is a slot for it. Returns
    /// it otherwise.
    pub(in crate::client) fn adopt(&self, packet: Vec<u8>) -> Result<(), Vec<u8>> {
        let state = self.lock();
        if state.is_closing {
            return Err(packet);
        }
        let Ok(slot) = self.queue_permits.try_acquire() else {
            return Err(packet);
        };
        slot.forget();
        take_in(state, packet);
        Ok(())
    }

    /// Puts the packet of an event down again whose slot is still taken.
    pub(in crate::client) fn keep(&self, packet: Vec<u8>) {
        take_in(self.lock(), packet);
    }

    /// Gives the slot of an event back that has gone to another channel.
    pub(in crate::client) fn free(&self) {
        self.queue_permits.add_permits(1);
    }

    /// Returns the next value of a stream, or its end.
    pub(in crate::client) fn poll_next(&self, key: CallKey, cx: &mut Context<'_>) -> Progress<Option<Answer>> {
        let mut state = self.lock();
        let (next, has_room_again) = state.calls.poll_next(key);
        match next {
            Poll::Ready(next) => {
                let driver_waker = if has_room_again {
                    state.take_driver_waker()
                } else {
                    None
                };
                drop(state);
                driver_waker.into_iter().for_each(Waker::wake);
                Progress::Ready(next)
            }
            Poll::Pending => {
                let _not_while_locked = state.calls.watch(key, cx.waker());
                pending(state)
            }
        }
    }

    /// When the last value of a stream came, from which its next timeout counts.
    pub(in crate::client) fn since(&self, key: CallKey) -> Option<Instant> {
        self.lock().calls.since(key)
    }

    /// Returns the caller has gone. Returns its packet if that was not written and has been given
    /// back.
    pub(in crate::client) fn cancel(&self, key: CallKey, because: CancelReason) -> Option<Vec<u8>> {
        let mut state = self.lock();
        let (call_state, mut not_while_locked) = state.calls.cancel(key, because);
        let was_queued = call_state.is_some_and(CallState::is_queued);
        if was_queued {
            state.tidy();
        }
        // Perhaps nobody wants a connection any more, or that was the last call of a client that is
        // closing or of a connection that takes no more, or a stream that was full.
        let has_work = call_state.is_some_and(|call_state| call_state != CallState::Done) || state.is_closing;
        let driver_waker = if has_work { state.take_driver_waker() } else { None };
        drop(state);
        if was_queued {
            self.queue_permits.add_permits(1);
        }
        driver_waker.into_iter().for_each(Waker::wake);
        not_while_locked.as_mut().and_then(Waiter::take_returned)
    }

    /// Rejects further requests. Returns true if the channel is closed now; otherwise the running
    /// driver finishes the calls in flight and closes it.
    pub(in crate::client) fn close(&self) -> bool {
        let mut state = self.lock();
        let is_new = !std::mem::replace(&mut state.is_closing, true);
        let driver_waker = state.take_driver_waker();
        let driver_stopped = !state.driver_running;
        drop(state);
        if driver_stopped {
            self.queue_permits.close();
        }
        driver_waker.into_iter().for_each(Waker::wake);
        is_new && driver_stopped
    }

    /// Ready when there is no task, or no more.
    pub(in crate::client) async fn driver_stopped(&self) {
        loop {
            let ended = self.ended.notified();
            if !self.lock().driver_running {
                return;
            }
            ended.await;
        }
    }

    /// Fails all pending calls, because closing has taken too long. The task cuts its connection at
    /// its next poll.
    pub(in crate::client) fn cut(&self) {
        let mut woken = WakeList::new();
        let mut state = self.lock();
        state.is_overdue = true;
        state.fail_sent(DisconnectReason::Closed, &mut woken);
        let freed = state.fail_waiting(&CallError::Closed, &mut woken);
        woken.extend(state.take_driver_waker());
        drop(state);
        self.queue_permits.add_permits(freed);
        wake(woken.drain(..));
    }

    /// The task has ended, or has been dropped with its runtime: what was written fails. What only
    /// waited goes on waiting, and the first caller that is polled starts another task, in a
    /// runtime that is driven. A client that is closing starts none.
    pub(in crate::client) fn leave(&self) {
        let mut woken = WakeList::new();
        let mut state = self.lock();
        state.fail_sent(DisconnectReason::Stopped, &mut woken);
        let is_closing = state.is_closing;
        let freed = if is_closing {
            state.fail_waiting(&stopped(), &mut woken)
        } else {
            state.wake_waiting(&mut woken);
            0
        };
        state.driver_running = false;
        let _not_while_locked = state.take_driver_waker();
        drop(state);
        self.queue_permits.add_permits(freed);
        if is_closing {
            self.queue_permits.close();
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
fn notify_driver(mut state: MutexGuard<'_, ChannelState>, key: CallKey) -> Submitted {
    let is_first = !std::mem::replace(&mut state.driver_running, true);
    let driver_waker = state.take_driver_waker();
    drop(state);
    driver_waker.into_iter().for_each(Waker::wake);
    Submitted { key, is_first }
}

/// Adds the packet of an event that nobody waits for, and wakes the task. Where there is none, the
/// next caller that is polled starts one.
fn take_in(mut state: MutexGuard<'_, ChannelState>, packet: Vec<u8>) {
    state.push_orphan(packet);
    let driver_waker = state.take_driver_waker();
    drop(state);
    driver_waker.into_iter().for_each(Waker::wake);
}

/// Registers the waker of a caller that waits.
fn pending<T>(mut state: MutexGuard<'_, ChannelState>) -> Progress<T> {
    match std::mem::replace(&mut state.driver_running, true) {
        true => Progress::Pending,
        false => Progress::Unattended,
    }
}

/// Wakes them all: a waker that panics keeps no other one from being woken.
pub(in crate::client) fn wake(mut woken: impl Iterator<Item = Waker>) {
    while catch_unwind(AssertUnwindSafe(|| woken.by_ref().for_each(Waker::wake))).is_err() {}
}

fn stopped() -> CallError {
    CallError::ConnectionClosed(DisconnectReason::Stopped)
}
