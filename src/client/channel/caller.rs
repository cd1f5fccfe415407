//! The operations of a caller. Each takes the lock once, changes the pending calls and the queue,
//! and then wakes the driver, or starts one.

#[cfg(not(all(test, shuttle)))]
use std::sync::MutexGuard;
use std::{
    future::poll_fn,
    pin::pin,
    sync::{Arc, atomic::Ordering::Relaxed},
    task::{Context, Poll, Waker},
};

#[cfg(all(test, shuttle))]
use shuttle::sync::MutexGuard;
use tokio::{sync::SemaphorePermit, time::Instant};

use crate::{
    client::{
        CallError, OverloadPolicy,
        call::outgoing::{CallKind, OutgoingCall},
        channel::{
            ChannelState, RequestChannel,
            pending::{
                CancelReason,
                call::{CallKey, CallState},
            },
            values::ReceivedValues,
            waiter::{End, ReplyMode, Waiter},
            wake_driver,
        },
        error::Answer,
    },
    packet::CallId,
};

/// A call that the channel has accepted.
#[derive(Debug)]
pub(in crate::client) struct Submitted {
    pub(in crate::client) key: CallKey,
    /// True if there is no driver yet: the caller has to [start](RequestChannel::start) one. It
    /// first makes sure that it cancels the call if the start panics, as it does outside of a
    /// runtime.
    pub(in crate::client) is_first: bool,
}

impl RequestChannel {
    /// Queues a packet if a permit is available; `permit` is one that the caller has
    /// [waited](Self::submit_later) for. Progress of the call wakes `waker`. Returns `None` if the
    /// caller has to wait for a permit.
    #[inline]
    pub(in crate::client) fn submit(
        &self,
        outgoing: &mut OutgoingCall,
        waker: Option<Waker>,
        permit: Option<SemaphorePermit<'_>>,
    ) -> Result<Option<Submitted>, CallError> {
        let OutgoingCall { draft, kind } = outgoing;
        let (call_state, wants) = self.begin(*kind);
        let waiter = Waiter::new(wants, waker);
        let mut state = self.lock();
        if state.is_closing {
            return Err(CallError::Closed);
        }
        let permit = permit.map_or_else(|| self.queue_permits.try_acquire(), Ok);
        match (permit, self.overload) {
            (Ok(permit), _) => permit.forget(),
            (Err(_), OverloadPolicy::Fail) => return Err(CallError::Overloaded),
            (Err(_), OverloadPolicy::Wait) => return Ok(None),
        }
        let ChannelState { calls, queue, .. } = &mut *state;
        let key = calls.insert(call_state, waiter);
        let id = (call_state == CallState::Queued).then(|| calls.id(key));
        queue.push(key, draft, id);
        Ok(Some(submitted(state, key)))
    }

    /// Returns the first state of a call, and how its replies are delivered.
    fn begin(&self, kind: CallKind) -> (CallState, ReplyMode) {
        match kind {
            CallKind::Request => (CallState::Queued, ReplyMode::Last { so_far: None }),
            CallKind::First => (CallState::Queued, ReplyMode::First),
            CallKind::Stream { since } => {
                let values = ReceivedValues::new(self.max_stream_buffer, since);
                (CallState::Queued, ReplyMode::Each(Box::new(values)))
            }
            CallKind::Packets { since } => {
                self.keeps_packets.store(true, Relaxed);
                let values = ReceivedValues::whole_packets(self.max_stream_buffer, since);
                (CallState::Queued, ReplyMode::Each(Box::new(values)))
            }
            CallKind::Event => (CallState::QueuedEvent, ReplyMode::Done),
        }
    }

    /// Queues a packet as soon as a permit is available. Progress of the call wakes the task that
    /// polls this, unless the call is a stream: the task that will poll the stream is not known
    /// yet. Returns the accepted call.
    pub(in crate::client) async fn submit_later(
        self: &Arc<Self>,
        outgoing: &mut OutgoingCall,
    ) -> Result<Submitted, CallError> {
        let mut permit = None;
        loop {
            let waker = poll_fn(|cx| Poll::Ready(outgoing.kind.waker(cx))).await;
            if let Some(submitted) = self.submit(outgoing, waker, permit.take())? {
                return Ok(submitted);
            }
            permit = Some(self.permit().await?);
        }
    }

    /// Waits for a permit. Starts a driver if the last one has ended with its runtime, since only a
    /// driver releases permits. Returns the permit.
    async fn permit(self: &Arc<Self>) -> Result<SemaphorePermit<'_>, CallError> {
        loop {
            let mut ended = pin!(self.ended.notified());
            ended.as_mut().enable();
            self.attend();
            tokio::select! {
                biased;
                // The semaphore is closed once the client is closed.
                permit = self.queue_permits.acquire() => return permit.map_err(|_| CallError::Closed),
                () = ended => {}
            }
        }
    }

    /// Starts a driver if there is none and the channel is not closing.
    pub(in crate::client) fn attend(self: &Arc<Self>) {
        let state = self.lock();
        if !state.is_closing {
            self.ensure_driver(state);
        }
    }

    /// Requests a connection.
    ///
    /// # Errors
    /// The channel is closing, so there will never be one.
    pub(in crate::client) fn connect(&self) -> Result<Submitted, CallError> {
        let waiter = Waiter::new(ReplyMode::Done, None);
        let mut state = self.lock();
        if state.is_closing {
            return Err(CallError::Closed);
        }
        let key = state.calls.insert_awaiting_connection(waiter);
        Ok(submitted(state, key))
    }

    /// Returns the id of a request.
    pub(in crate::client) fn id(&self, key: CallKey) -> CallId {
        self.lock().calls.id(key)
    }

    /// Polls the end of a call. Returns its result, or its packet if that was handed back.
    pub(in crate::client) fn poll_end(
        self: &Arc<Self>,
        key: CallKey,
        cx: &mut Context<'_>,
    ) -> Poll<Result<End, CallError>> {
        let mut state = self.lock();
        if let Some(end) = state.calls.take_end(key) {
            return Poll::Ready(end);
        }
        let _not_while_locked = state.calls.watch(key, cx.waker());
        self.ensure_driver(state);
        Poll::Pending
    }

    /// Polls the next value of a stream. Returns the value, or `None` at the end of the stream.
    pub(in crate::client) fn poll_next(self: &Arc<Self>, key: CallKey, cx: &mut Context<'_>) -> Poll<Option<Answer>> {
        let mut state = self.lock();
        let (next, has_room_again) = state.calls.poll_next(key);
        if next.is_ready() {
            wake_driver(state, has_room_again);
        } else {
            let _not_while_locked = state.calls.watch(key, cx.waker());
            self.ensure_driver(state);
        }
        next
    }

    /// Returns true if a stream has ended well and its values have been taken.
    pub(in crate::client) fn is_complete(&self, key: CallKey) -> bool {
        self.lock().calls.is_complete(key)
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
            let queued = state.queued();
            let ChannelState { calls, queue, .. } = &mut *state;
            queue.tidy(queued, |key| calls.is_queued(key));
        }
        // The driver may have to act: perhaps no call needs a connection any more, or this was the
        // last call of a closing client or of a connection that accepts no more calls, or a full
        // stream.
        let has_work = call_state.is_some_and(|call_state| call_state != CallState::Done) || state.is_closing;
        let driver_waker = state.driver_waker.take_if(|_| has_work);
        drop(state);
        if was_queued {
            self.queue_permits.add_permits(1);
        }
        driver_waker.into_iter().for_each(Waker::wake);
        not_while_locked.as_mut().and_then(Waiter::take_returned)
    }
}

/// Returns the accepted call. Marks the driver as running, and wakes it because there is new work.
fn submitted(mut state: MutexGuard<'_, ChannelState>, key: CallKey) -> Submitted {
    let is_first = !std::mem::replace(&mut state.driver_running, true);
    wake_driver(state, true);
    Submitted { key, is_first }
}
