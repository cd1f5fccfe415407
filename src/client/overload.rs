//! What happens to calls that exceed a limit of their client.

/// What becomes of a call when a limit is reached.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum OverloadPolicy {
    /// It waits its turn, within its timeout: for callers that can slow down.
    #[default]
    Wait,
    /// It fails at once with [`CallError::Overloaded`](crate::client::CallError::Overloaded): for
    /// callers that had better shed load.
    Fail,
}
