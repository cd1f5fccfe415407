//! The behaviour of calls that exceed a limit of their client.

/// The behaviour of a call that exceeds a limit of its client.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum OverloadPolicy {
    /// The call waits for its turn, within its timeout: for callers that can slow down.
    #[default]
    Wait,
    /// The call fails at once with [`CallError::Overloaded`](crate::client::CallError::Overloaded):
    /// for callers that should shed load instead.
    Fail,
}
