//! The outcome of a service's shutdown.

/// How a service's shutdown ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ShutdownOutcome {
    /// Everything that was in flight has been answered.
    Drained,
    /// Something took longer than [`Serve::drain_timeout`](crate::server::Serve::drain_timeout) or
    /// than [`Serve::with_forced_shutdown`](crate::server::Serve::with_forced_shutdown) allowed,
    /// and connections were cut.
    Cut {
        /// Number of connections at that time.
        connections: usize,
    },
}
