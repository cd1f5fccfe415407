//! What the end of a connection, and the next connection, mean for the pending calls.

use crate::client::{
    channel::{
        pending::{
            PendingCalls, WakeList,
            call::{CallKey, CallState},
            is_there,
        },
        waiter::{ReplyMode, Returned, Waiter},
    },
    error::Answer,
};

impl PendingCalls {
    /// Adds a call that needs a connection and nothing else. Returns its key.
    pub(in crate::client) fn insert_awaiting_connection(&mut self, waiter: Waiter) -> CallKey {
        let key = self.insert(CallState::AwaitingConnection, waiter);
        self.awaiting_connection.push(key);
        let live = self.count(CallState::AwaitingConnection);
        let slab = &self.slab;
        self.awaiting_connection.tidy(live, |key| is_there(slab, key));
        key
    }

    /// Ends all calls that need a connection and nothing else.
    pub(in crate::client) fn end_awaiting_connection(&mut self, end: &Answer, woken: &mut WakeList) {
        for key in self.awaiting_connection.drain() {
            self.end(key, end.clone(), woken);
        }
    }

    /// Ends all calls that were written.
    pub(in crate::client) fn end_written(&mut self, end: &Answer, woken: &mut WakeList) {
        for key in self.written.drain() {
            self.end(key, end.clone(), woken);
        }
    }

    /// Takes the wakers of the `queued` calls, and of all calls that need a connection and nothing
    /// else: one of their callers has to start a driver.
    pub(in crate::client) fn wake_waiting(&mut self, queued: impl Iterator<Item = CallKey>, woken: &mut WakeList) {
        let awaiting_connection = std::mem::take(&mut self.awaiting_connection);
        for key in queued.chain(awaiting_connection.iter()) {
            woken.extend(self.waiter(key).and_then(|waiter| waiter.waker.take()));
        }
        self.awaiting_connection = awaiting_connection;
    }

    /// Hands the packet of a queued call back to its caller, which submits it to another
    /// connection. Removes the call if it is an event without a caller. Returns the packet in that
    /// case.
    pub(in crate::client) fn hand_back(
        &mut self,
        key: CallKey,
        packet: Vec<u8>,
        woken: &mut WakeList,
    ) -> Option<Vec<u8>> {
        let call = self.call(key).filter(|call| call.call_state.is_queued())?;
        if matches!(call.waiter.wants, ReplyMode::Nothing) {
            self.remove(key);
            return Some(packet);
        }
        woken.extend(call.waiter.hand_back(packet));
        self.advance(key, CallState::Done);
        None
    }

    /// Takes the packet of a stream that was [handed back](Self::hand_back), and removes the call.
    /// Returns `None` if there is no such packet.
    pub(in crate::client) fn take_returned(&mut self, key: CallKey) -> Option<Returned> {
        let packet = self.waiter(key)?.take_returned()?;
        let since = self.since(key);
        self.remove(key)?;
        Some(Returned { packet, since })
    }
}
