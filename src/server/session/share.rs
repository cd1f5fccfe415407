//! How much a connection does before it lets others run.
//!
//! Tokio's own budget counts what its sockets and channels do. It does not see that one segment brought a thousand
//! requests, nor that a stream always has more.

use crate::server::session::coop::is_budget_used_up;

/// How much one poll may do: packets taken, calls answered, values sent.
const SHARE: u32 = 128;

/// What a system call counts for, a segment of 64 KiB that is read or written.
const SEGMENT: u32 = 8;

/// What is left of one poll's share.
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

    /// Returns a share of its own, half as large as what is left of this one.
    pub(super) const fn half(&self) -> Self {
        Self(self.0.div_ceil(2))
    }

    /// Returns whether others are to run before anything more is done here.
    pub(super) fn is_used_up(&self) -> bool {
        self.0 == 0 || is_budget_used_up()
    }
}
