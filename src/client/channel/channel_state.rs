//! What the lock of a channel guards: the pending calls, and the packets that wait to be written.
//! Plain data: no I/O, no locks.

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
    /// The task, while it sleeps; the first who brings something wakes it.
    pub(in crate::client) driver_waker: Option<Waker>,
    /// Whether there is a task.
    pub(in crate::client) driver_running: bool,
    /// Whether nothing more is let in.
    pub(in crate::client) is_closing: bool,
    /// Whether that has taken too long: the task has to cut its connection.
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

    /// Has `cx` woken when something is brought.
    pub(in crate::client) fn watch(&mut self, cx: &Context<'_>) {
        if !self
            .driver_waker
            .as_ref()
            .is_some_and(|known| known.will_wake(cx.waker()))
        {
            self.driver_waker = Some(cx.waker().clone());
        }
    }

    /// There is a connection: ends the calls that waited for that only. Returns true if packets
    /// wait to be written.
    pub(in crate::client) fn linked(&mut self, woken: &mut WakeList) -> bool {
        if self.calls.count(CallState::AwaitingConnection) > 0 {
            self.calls.end_awaiting_connection(&Ok(None), woken);
        }
        self.queued() > 0
    }

    /// Ends the calls that wait for a connection with `error`. Returns how many slots that frees.
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

    /// Gives all that waits to be written back to its callers, which put it down elsewhere. Returns
    /// how many slots that frees, and the events whose callers have gone, which keep theirs.
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

    /// Adds the packet of an event that nobody waits for.
    pub(in crate::client) fn push_orphan(&mut self, packet: Vec<u8>) {
        let nobody = Waiter::new(ReplyMode::Nothing, None);
        let key = self.calls.insert(CallState::QueuedEvent, nobody);
        self.queue.push_back(key, packet);
    }

    /// Ends the calls whose packets went with a connection.
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

    /// Returns true if something written has not come to its end.
    pub(in crate::client) fn is_owed(&self) -> bool {
        self.calls.count(CallState::AwaitingReply) + self.calls.count(CallState::Flushing) > 0
    }

    /// Returns true if it is closing and nothing is left to do, but perhaps to write.
    pub(in crate::client) fn is_drained(&self) -> bool {
        self.is_closing && !self.wants_link() && self.calls.count(CallState::AwaitingReply) == 0
    }

    /// Returns how many packets wait that are still wanted.
    pub(in crate::client) fn queued(&self) -> usize {
        self.calls.count(CallState::Queued) + self.calls.count(CallState::QueuedEvent)
    }

    /// Drops packets that are not wanted any more, if these are many.
    pub(in crate::client) fn tidy(&mut self) {
        let queued = self.queued();
        let Self { calls, queue, .. } = self;
        queue.tidy(queued, |key| calls.is_queued(key));
    }

    /// Marks new work. Returns the waker of the driver, if it sleeps.
    pub(in crate::client) fn take_driver_waker(&mut self) -> Option<Waker> {
        self.driver_waker.take()
    }
}
