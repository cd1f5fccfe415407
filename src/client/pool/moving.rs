//! A packet on its way from the queue of a lost connection to another queue.

use crate::client::{call::outgoing::OutgoingCall, pool::ConnectionPool};

/// Holds a packet until it is in another queue. An event that was queued is sent even without its
/// sender: if the sender is dropped while it waits for room, the drop of this guard queues the
/// event.
pub(in crate::client) struct Moving<'a> {
    pub(in crate::client) outgoing: &'a mut OutgoingCall,
    pool: &'a ConnectionPool,
    has_ended: bool,
}

impl<'a> Moving<'a> {
    pub(in crate::client) const fn new(pool: &'a ConnectionPool, outgoing: &'a mut OutgoingCall) -> Self {
        Self {
            outgoing,
            pool,
            has_ended: false,
        }
    }

    /// Marks the move as ended, because the sender has received its outcome.
    pub(in crate::client) fn end(mut self) {
        self.has_ended = true;
    }
}

impl Drop for Moving<'_> {
    fn drop(&mut self) {
        // A draft is empty once its packet is in a queue.
        if !self.has_ended && !self.outgoing.is_request() && self.outgoing.draft.len() > 0 {
            self.pool.publisher.adopt(self.outgoing.draft.finish(None));
        }
    }
}
