//! The state behind the lock of a channel: the pending calls, and the packets that wait to be
//! written. Plain data: no I/O, no locks.

use std::task::{Context, Waker};

use crate::{
    client::{
        CallError, DisconnectReason,
        channel::{
            call_state::CallState,
            outbound::OutboundQueue,
            pending::{PendingCalls, WakeList},
            waiter::{ReplyMode, Waiter},
        },
    },
    compat::Compat,
};

#[derive(Debug)]
pub(in crate::client) struct ChannelState {
    pub(in crate::client) calls: PendingCalls,
    pub(in crate::client) queue: OutboundQueue,
    /// Waker of the driver while it sleeps; the first new work wakes the driver.
    pub(in crate::client) driver_waker: Option<Waker>,
    /// True if there is a driver.
    pub(in crate::client) driver_running: bool,
    /// True if no more calls are accepted.
    pub(in crate::client) is_closing: bool,
    /// True if closing has exceeded its timeout: the driver has to cut its connection.
    pub(in crate::client) is_overdue: bool,
}

impl ChannelState {
    pub(in crate::client) fn new(compat: Compat) -> Self {
        Self {
            calls: PendingCalls::new(compat),
            queue: OutboundQueue::default(),
            driver_waker: None,
            driver_running: false,
            is_closing: false,
            is_overdue: false,
        }
    }

    /// Registers the waker of `cx`, which is woken by new work.
    pub(in crate::client) fn watch(&mut self, cx: &Context<'_>) {
        if !self
            .driver_waker
            .as_ref()
            .is_some_and(|known| known.will_wake(cx.waker()))
        {
            self.driver_waker = Some(cx.waker().clone());
        }
    }

    /// Ends the calls that waited only for a connection, which is established now. Returns true if
    /// packets wait to be written.
    pub(in crate::client) fn linked(&mut self, woken: &mut WakeList) -> bool {
        if self.calls.count(CallState::AwaitingConnection) > 0 {
            self.calls.end_awaiting_connection(&Ok(None), woken);
        }
        self.queued() > 0
    }

    /// Ends the calls that wait for a connection with `error`. Returns the number of permits to
    /// release.
    pub(in crate::client) fn fail_waiting(&mut self, error: &CallError, woken: &mut WakeList) -> usize {
        let freed = self.queued();
        self.calls.end_awaiting_connection(&Err(error.clone()), woken);
        for key in std::mem::take(&mut self.queue).keys() {
            if self.calls.is_queued(key) {
                self.calls.end(key, Err(error.clone()), woken);
            }
        }
        freed
    }

    /// Hands all waiting packets back to their callers, which submit them to another connection.
    /// Returns the number of permits to release, and the packets of the events without a caller,
    /// which keep their permits.
    pub(in crate::client) fn hand_back(&mut self, woken: &mut WakeList) -> (usize, Vec<Vec<u8>>) {
        let queued = self.queued();
        let Self { calls, queue, .. } = self;
        let mut orphans = Vec::new();
        let mut hand_back = |key, packet| orphans.extend(calls.hand_back(key, packet, woken));
        while !queue.is_empty() {
            let large = queue.take(usize::MAX, |key, text| hand_back(key, text.as_bytes().to_vec()));
            if let Some((key, packet)) = large {
                hand_back(key, packet);
            }
        }
        (queued - orphans.len(), orphans)
    }

    /// Queues the packet of an event that has no caller.
    pub(in crate::client) fn push_orphan(&mut self, packet: Vec<u8>) {
        let nobody = Waiter::new(ReplyMode::Nothing, None);
        let key = self.calls.insert(CallState::QueuedEvent, nobody);
        self.queue.push_back(key, packet);
    }

    /// Ends the calls that were written to a lost connection.
    pub(in crate::client) fn fail_sent(&mut self, reason: DisconnectReason, woken: &mut WakeList) {
        self.calls.end_written(&Err(CallError::ConnectionClosed(reason)), woken);
    }

    /// Takes the wakers of the calls that wait for a connection.
    pub(in crate::client) fn wake_waiting(&mut self, woken: &mut WakeList) {
        let Self { calls, queue, .. } = self;
        calls.wake_waiting(queue.keys(), woken);
    }

    /// Returns true if a connection is needed now.
    pub(in crate::client) fn wants_link(&self) -> bool {
        self.queued() > 0 || self.calls.count(CallState::AwaitingConnection) > 0
    }

    /// Returns true if a written request awaits its reply, or a written event is not completely
    /// sent.
    pub(in crate::client) fn is_owed(&self) -> bool {
        self.calls.count(CallState::AwaitingReply) + self.calls.count(CallState::Flushing) > 0
    }

    /// Returns true if the channel is closing and nothing is left to do, except perhaps to send
    /// written events.
    pub(in crate::client) fn is_drained(&self) -> bool {
        self.is_closing && !self.wants_link() && self.calls.count(CallState::AwaitingReply) == 0
    }

    /// Returns the number of waiting packets that are still wanted.
    pub(in crate::client) fn queued(&self) -> usize {
        self.calls.count(CallState::Queued) + self.calls.count(CallState::QueuedEvent)
    }

    /// Drops the packets that are no longer wanted if there are many of them.
    pub(in crate::client) fn tidy(&mut self) {
        let queued = self.queued();
        let Self { calls, queue, .. } = self;
        queue.tidy(queued, |key| calls.is_queued(key));
    }

    /// Takes the waker of the driver, which must be woken after the lock is released. Returns
    /// `None` if the driver does not sleep.
    pub(in crate::client) fn take_driver_waker(&mut self) -> Option<Waker> {
        self.driver_waker.take()
    }
}
