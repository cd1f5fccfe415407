//! How much a connection does before its task yields.
//!
//! Tokio's own budget counts what its sockets and channels do. It does not count that one segment
//! brought a thousand requests, nor that a stream always has more: [`Share`] does.

use crate::server::exchange::budget::is_budget_used_up;

/// Maximum number of steps in one poll: packets taken, calls answered, values sent.
const SHARE: u32 = 128;

/// Number of steps that one system call counts for: a segment of 64 KiB that is read or written.
const SEGMENT: u32 = 8;

/// The steps left in one poll.
#[derive(Debug)]
pub(super) struct Share(u32);

impl Share {
    pub(super) const fn new() -> Self {
        Self(SHARE)
    }

    pub(super) const fn use_one(&mut self) {
        self.0 = self.0.saturating_sub(1);
    }

    pub(super) const fn use_segment(&mut self) {
        self.0 = self.0.saturating_sub(SEGMENT);
    }

    /// Returns a separate share, half as large as the rest of this one.
    pub(super) const fn half(&self) -> Self {
        Self(self.0.div_ceil(2))
    }

    /// Returns true if the task must yield before anything more is done.
    pub(super) fn is_used_up(&self) -> bool {
        self.0 == 0 || is_budget_used_up()
    }
}
