//! The state of a call.
//!
//! ```text
//!   Queued ──────── written ──► AwaitingReply ──── answered ──┐
//!   QueuedEvent ─── written ──► Flushing ─ all sent ───┼──► Done
//!   AwaitingConnection ────────────────────────────── linked ────┘    from everywhere: no connection
//! ```
//!
//! A call whose caller gives up, or whose timeout ends, is taken away.

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::client) enum CallState {
    /// It wants a connection and nothing else.
    AwaitingConnection,
    /// Its packet waits to be written.
    Queued,
    /// Its packet is an event and waits to be written.
    QueuedEvent,
    /// A request that waits for its answer.
    AwaitingReply,
    /// An event that is written but perhaps not wholly sent.
    Flushing,
    /// It has ended, which its caller has not yet seen.
    Done,
}

impl CallState {
    pub(in crate::client) const COUNT: usize = 6;

    pub(in crate::client) const fn is_queued(self) -> bool {
        matches!(self, Self::Queued | Self::QueuedEvent)
    }

    /// Returns true if it goes on though nobody waits for it.
    pub(in crate::client) const fn is_autonomous(self) -> bool {
        matches!(self, Self::QueuedEvent | Self::Flushing)
    }
}
