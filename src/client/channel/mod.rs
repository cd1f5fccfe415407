//! The channel between the handles of a client and the driver of a connection. Does no I/O.
//!
//! Its state is behind one lock, which is held only briefly: no code waits, serialises, parses,
//! logs or wakes a task (which runs foreign code) while it holds the lock.

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
    /// A handle acquires a permit for each packet before it queues the packet; the permit is
    /// released when the packet leaves the queue.
    pub(in crate::client) queue_permits: Semaphore,
    /// Notified when the driver has ended.
    ended: Notify,
    /// Maximum number of bytes of a stream's values that wait to be taken.
    max_stream_buffer: usize,
}

/// A call that the channel has accepted.
#[derive(Debug)]
pub(in crate::client) struct Submitted {
    pub(in crate::client) key: CallKey,
    /// True if there is no driver yet: the caller has to start one.
    pub(in crate::client) is_first: bool,
}

/// What a caller receives at the end of its call.
#[derive(Debug)]
pub(in crate::client) enum End {
    /// The value of the reply, or JavaScript's undefined.
    Value(Option<RawJson>),
    /// The packet, which was not written: its connection is lost, and there is another connection.
    Returned(Returned),
}

/// Progress of an operation that a caller waits for.
#[derive(Debug)]
pub(in crate::client) enum Progress<T> {
    Ready(T),
    /// The caller is woken when there is progress.
    Pending,
    /// As `Pending`, but the driver has ended with its runtime: the caller has to start another
    /// one.
    Unattended,
}

/// Why a packet was not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::client) enum Refused {
    /// No permit is available.
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

    /// Locks the state. Returns the guard even if the lock is poisoned: every change under the lock
    /// is complete before anything can panic.
    pub(in crate::client) fn lock(&self) -> MutexGuard<'_, ChannelState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues a packet if a permit is available; `slot` is a permit that the caller has waited for.
    /// Returns the accepted call, or the reason of the refusal.
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

    /// Requests a connection. Returns `None` if the channel is closing, so that there will never be
    /// one.
    pub(in crate::client) fn connect(&self) -> Option<Submitted> {
        let waiter = Waiter::new(ReplyMode::Done, None);
        let mut state = self.lock();
        if state.is_closing {
            return None;
        }
        let key = state.calls.insert_awaiting_connection(waiter);
        Some(notify_driver(state, key))
    }

    /// Marks the driver as running if there is none and the channel is not closing. Returns true if
    /// the caller has to start the driver.
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

    /// Polls the end of a call. Returns its result, or its packet if that was handed back.
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

    /// Takes the packet of a stream that was handed back unwritten, and removes the call. Returns
    /// `None` if there is no such packet.
    pub(in crate::client) fn take_returned(&self, key: CallKey) -> Option<Returned> {
        self.lock().calls.take_returned(key)
    }

    /// Hands all waiting packets back to their callers, which submit them to another connection's
    /// channel. Returns the packets of the events without a caller. Their permits stay acquired:
    /// each event is either [kept](Self::keep), or its permit [freed](Self::free).
    pub(in crate::client) fn hand_back(&self) -> Vec<Vec<u8>> {
        let mut woken = WakeList::new();
        let (freed, orphans) = self.lock().hand_back(&mut woken);
        self.queue_permits.add_permits(freed);
        wake(woken.drain(..));
        orphans
    }

    /// Queues the packet of an event that has no caller if a permit is available. Returns the
    /// packet as the error otherwise.
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

    /// Queues the packet of an event again; its permit is still acquired.
    pub(in crate::client) fn keep(&self, packet: Vec<u8>) {
        take_in(self.lock(), packet);
    }

    /// Releases the permit of an event that was moved to another channel.
    pub(in crate::client) fn free(&self) {
        self.queue_permits.add_permits(1);
    }

    /// Polls the next value of a stream. Returns the value, or `None` at the end of the stream.
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

    /// Returns the time of a stream's last value, from which the timeout for the next value counts.
    pub(in crate::client) fn since(&self, key: CallKey) -> Option<Instant> {
        self.lock().calls.since(key)
    }

    /// Cancels a call. Returns its packet if that was handed back unwritten.
    pub(in crate::client) fn cancel(&self, key: CallKey, because: CancelReason) -> Option<Vec<u8>> {
        let mut state = self.lock();
        let (call_state, mut not_while_locked) = state.calls.cancel(key, because);
        let was_queued = call_state.is_some_and(CallState::is_queued);
        if was_queued {
            state.tidy();
        }
        // The driver may have to act: perhaps no call needs a connection any more, or this was the
        // last call of a closing client or of a connection that accepts no more calls, or a full
        // stream.
        let has_work = call_state.is_some_and(|call_state| call_state != CallState::Done) || state.is_closing;
        let driver_waker = if has_work { state.take_driver_waker() } else { None };
        drop(state);
        if was_queued {
            self.queue_permits.add_permits(1);
        }
        driver_waker.into_iter().for_each(Waker::wake);
        not_while_locked.as_mut().and_then(Waiter::take_returned)
    }

    /// Rejects further calls. Returns true if this closes the channel at once, because there is no
    /// driver; otherwise the driver first finishes the calls in flight.
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

    /// Waits until there is no driver.
    pub(in crate::client) async fn driver_stopped(&self) {
        loop {
            let ended = self.ended.notified();
            if !self.lock().driver_running {
                return;
            }
            ended.await;
        }
    }

    /// Fails all pending calls, because closing has exceeded its timeout. The driver cuts its
    /// connection at its next poll.
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

    /// Marks the driver as ended, also if it was dropped with its runtime. The calls that were
    /// written fail. The others keep waiting, and the first of their callers that is polled starts
    /// another driver, in a runtime that is running. A closing client starts none, so its calls all
    /// fail.
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

    /// Returns a future that is ready when a driver ends from now on.
    pub(in crate::client) fn ended(&self) -> Notified<'_> {
        self.ended.notified()
    }
}

/// Marks the driver as running, and wakes it because there is new work. Returns the accepted call;
/// its `is_first` is true if there was no driver.
fn notify_driver(mut state: MutexGuard<'_, ChannelState>, key: CallKey) -> Submitted {
    let is_first = !std::mem::replace(&mut state.driver_running, true);
    let driver_waker = state.take_driver_waker();
    drop(state);
    driver_waker.into_iter().for_each(Waker::wake);
    Submitted { key, is_first }
}

/// Queues the packet of an event that has no caller, and wakes the driver. If there is no driver,
/// the next caller that is polled starts one.
fn take_in(mut state: MutexGuard<'_, ChannelState>, packet: Vec<u8>) {
    state.push_orphan(packet);
    let driver_waker = state.take_driver_waker();
    drop(state);
    driver_waker.into_iter().for_each(Waker::wake);
}

/// Marks the driver as running, for a caller that waits. Returns `Unattended` if there was no
/// driver, so that the caller has to start it, and `Pending` otherwise.
fn pending<T>(mut state: MutexGuard<'_, ChannelState>) -> Progress<T> {
    match std::mem::replace(&mut state.driver_running, true) {
        true => Progress::Pending,
        false => Progress::Unattended,
    }
}

/// Wakes all wakers: a waker that panics does not keep the others from being woken.
pub(in crate::client) fn wake(mut woken: impl Iterator<Item = Waker>) {
    while catch_unwind(AssertUnwindSafe(|| woken.by_ref().for_each(Waker::wake))).is_err() {}
}

fn stopped() -> CallError {
    CallError::ConnectionClosed(DisconnectReason::Stopped)
}
