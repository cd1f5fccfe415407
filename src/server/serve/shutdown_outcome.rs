//! How a service ends.

/// How a service came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ShutdownOutcome {
    /// All that was in flight has been answered.
    Drained,
    /// Something took longer than [`Serve::drain_timeout`](crate::server::Serve::drain_timeout), or than [`Serve::with_forced_shutdown`](crate::server::Serve::with_forced_shutdown) let it: so many
    /// connections were cut.
    Cut {
        /// How many connections there were at that time.
        connections: usize,
    },
}
