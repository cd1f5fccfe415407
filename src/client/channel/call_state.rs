//! The state of a call.
//!
//! ```text
//!   Queued ──────── written ──► AwaitingReply ──── answered ──┐
//!   QueuedEvent ─── written ──► Flushing ─ all sent ───┼──► Done
//!   AwaitingConnection ────────────────────────────── linked ────┘    from everywhere: no connection
//! ```
//!
//! A call is removed when its caller drops it or its timeout expires. An event is sent all the
//! same, unless its timeout expires before it is written.

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::client) enum CallState {
    /// A call that needs a connection and nothing else.
    AwaitingConnection,
    /// A request that waits to be written.
    Queued,
    /// An event that waits to be written.
    QueuedEvent,
    /// A request that is written and awaits its reply.
    AwaitingReply,
    /// An event that is written but perhaps not completely sent.
    Flushing,
    /// A call that has ended; its caller has not taken the end yet.
    Done,
}

impl CallState {
    pub(in crate::client) const COUNT: usize = 6;

    pub(in crate::client) const fn is_queued(self) -> bool {
        matches!(self, Self::Queued | Self::QueuedEvent)
    }

    /// Returns true if the call continues without a caller.
    pub(in crate::client) const fn is_autonomous(self) -> bool {
        matches!(self, Self::QueuedEvent | Self::Flushing)
    }
}
