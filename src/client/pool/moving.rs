//! A packet on its way from the queue of a lost connection to another queue.

use crate::client::{call::outgoing::OutgoingCall, pool::ConnectionPool};

/// An event that was in a queue goes on without its sender. This puts it down for a sender that
/// goes while it waits for room in another queue.
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

    /// Notes that the sender knows what became of it.
    pub(in crate::client) fn end(mut self) {
        self.has_ended = true;
    }
}

impl Drop for Moving<'_> {
    fn drop(&mut self) {
        // Nothing is left of a draft whose packet is in a queue.
        if !self.has_ended && !self.outgoing.is_request() && self.outgoing.draft.len() > 0 {
            self.pool.publisher.adopt(self.outgoing.draft.finish(None));
        }
    }
}
