//! The key of a pending call.

/// Identifies a pending call, which may have been removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::client) struct CallKey {
    pub(in crate::client) index: u32,
    pub(in crate::client) generation: u64,
}
