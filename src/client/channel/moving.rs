//! Packets that move from the channel of a lost connection to another channel: most by way of their
//! callers, those of events without a caller directly.

use crate::client::channel::{
    ChannelState, RequestChannel,
    pending::{
        WakeList,
        call::{CallKey, CallState},
    },
    waiter::{ReplyMode, Returned, Waiter},
    wake, wake_driver,
};

impl RequestChannel {
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

    /// Takes the packet of a stream that was handed back unwritten, and removes the call. Returns
    /// `None` if there is no such packet.
    pub(in crate::client) fn take_returned(&self, key: CallKey) -> Option<Returned> {
        self.lock().calls.take_returned(key)
    }

    /// Queues the packet of an event that has no caller if a permit is available. Returns the
    /// packet as the error otherwise. If there is no driver, the next caller that is polled starts
    /// one.
    pub(in crate::client) fn adopt(&self, packet: Vec<u8>) -> Result<(), Vec<u8>> {
        let mut state = self.lock();
        if state.is_closing {
            return Err(packet);
        }
        let Ok(permit) = self.queue_permits.try_acquire() else {
            return Err(packet);
        };
        permit.forget();
        state.push_orphan(packet);
        wake_driver(state, true);
        Ok(())
    }

    /// Queues the packet of an event again; its permit is still acquired.
    pub(in crate::client) fn keep(&self, packet: Vec<u8>) {
        let mut state = self.lock();
        state.push_orphan(packet);
        wake_driver(state, true);
    }

    /// Releases the permit of an event that was moved to another channel.
    pub(in crate::client) fn free(&self) {
        self.queue_permits.add_permits(1);
    }
}

impl ChannelState {
    /// Hands all waiting packets back to their callers. Returns the number of permits to release,
    /// and the packets of the events without a caller, which keep their permits.
    fn hand_back(&mut self, woken: &mut WakeList) -> (usize, Vec<Vec<u8>>) {
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
    fn push_orphan(&mut self, packet: Vec<u8>) {
        let nobody = Waiter::new(ReplyMode::Nothing, None);
        let key = self.calls.insert(CallState::QueuedEvent, nobody);
        self.queue.push_back(key, packet);
    }
}
