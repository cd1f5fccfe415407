//! The key of a pending call.

/// What leads to a caller. It may be gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::client) struct CallKey {
    pub(in crate::client) index: u32,
    pub(in crate::client) generation: u64,
}
