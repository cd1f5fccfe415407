//! What a handle asks of the task that owns the link.

use tokio::sync::oneshot;

use super::{CallError, pending::Waiter};
use crate::packet::{CallId, RawJson};

/// A packet to be sent, and who waits for what comes of it.
pub(super) enum Command {
    Send {
        id: CallId,
        pattern: RawJson,
        data: RawJson,
        metadata: Option<RawJson>,
        waiter: Waiter,
    },
    Emit {
        route: RawJson,
        data: RawJson,
        metadata: Option<RawJson>,
        /// Told once the event has been handed to the system.
        sent: oneshot::Sender<Result<(), CallError>>,
    },
}

impl Command {
    /// Whether nobody waits any more.
    pub(super) fn is_abandoned(&self) -> bool {
        match self {
            Self::Send { waiter, .. } => waiter.is_gone(),
            // An event is sent even if its sender does not wait for that.
            Self::Emit { .. } => false,
        }
    }

    pub(super) fn fail(self, error: CallError) {
        match self {
            Self::Send { waiter, .. } => waiter.fail(error),
            Self::Emit { sent, .. } => drop(sent.send(Err(error))),
        }
    }
}
