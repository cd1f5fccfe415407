//! What handles ask of the task that owns the link.

use super::{CallError, waiting::Waiting};
use crate::packet::CallId;

#[derive(Debug)]
pub(super) enum Command {
    Send(Box<Outgoing>),
    /// See to it that there is a link.
    Connect(Waiting),
    /// The caller has given up.
    Forget(CallId),
    /// Finish what is under way, and end.
    Close,
}

/// A packet to be sent, and who waits for what comes of it. It is boxed, since on its way it changes hands often.
#[derive(Debug)]
pub(super) struct Outgoing {
    /// An event has none.
    pub(super) id: Option<CallId>,
    /// The frame's text, until it is written.
    pub(super) text: String,
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
