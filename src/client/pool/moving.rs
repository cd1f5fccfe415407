//! A packet on its way from the queue of a lost link to another queue.

use crate::client::{call::outgoing::Errand, pool::Members};

/// An event that was in a queue goes on without its sender. This puts it down for a sender that goes while it waits for
/// room in another queue.
pub(in crate::client) struct Moving<'a> {
    pub(in crate::client) errand: &'a mut Errand,
    members: &'a Members,
    has_ended: bool,
}

impl<'a> Moving<'a> {
    pub(in crate::client) const fn new(members: &'a Members, errand: &'a mut Errand) -> Self {
        Self {
            errand,
            members,
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
        if !self.has_ended && !self.errand.is_request() && self.errand.draft.len() > 0 {
            self.members.board.adopt(self.errand.draft.finish(None));
        }
    }
}
