//! The state of a call.
//!
//! ```text
//!   Queued ──────── written ──► Asked ──── answered ──┐
//!   QueuedEvent ─── written ──► Leaving ─ all sent ───┼──► Over
//!   Linking ────────────────────────────── linked ────┘    from everywhere: no connection
//! ```
//!
//! A call whose caller gives up, or whose timeout ends, is taken away.

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::client) enum CallState {
    /// It wants a connection and nothing else.
    Linking,
    /// Its packet waits to be written.
    Queued,
    /// Its packet is an event and waits to be written.
    QueuedEvent,
    /// A request that waits for its answer.
    Asked,
    /// An event that is written but perhaps not wholly sent.
    Leaving,
    /// It has ended, which its caller has not yet seen.
    Over,
}

impl CallState {
    pub(in crate::client) const COUNT: usize = 6;

    pub(in crate::client) const fn is_queued(self) -> bool {
        matches!(self, Self::Queued | Self::QueuedEvent)
    }

    /// Returns true if it goes on though nobody waits for it.
    pub(in crate::client) const fn is_autonomous(self) -> bool {
        matches!(self, Self::QueuedEvent | Self::Leaving)
    }
}
