//! How a service ended that was asked to stop.

/// How a service ended after its shutdown signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ShutdownOutcome {
    /// All requests that had arrived were handled, and their replies were sent.
    Drained,
    /// The drain timeout expired, and this many requests and events were cancelled.
    Cut {
        /// Number of requests and events that were still being handled.
        requests: usize,
    },
}
