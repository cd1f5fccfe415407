//! What handles ask of the task that owns the link.

use super::{CallError, waiting::Waiting};
use crate::packet::CallId;

pub(super) enum Command {
    Send(Outgoing),
    /// See to it that there is a link.
    Connect(Waiting),
    /// The caller has given up.
    Forget(CallId),
    /// Finish what is under way, and end.
    Close,
}

/// A packet to be sent, and who waits for what comes of it.
pub(super) struct Outgoing {
    /// An event has none.
    pub(super) id: Option<CallId>,
    /// The frame's text.
    pub(super) text: Vec<u8>,
    pub(super) waiting: Waiting,
}

impl Outgoing {
    /// Whether it need not be sent any more. An event is sent even if its sender does not wait for that.
    pub(super) fn is_abandoned(&self) -> bool {
        self.id.is_some() && self.waiting.is_gone()
    }

    pub(super) fn fail(self, error: CallError) {
        self.waiting.fail(error);
    }
}
