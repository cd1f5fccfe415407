//! Connections that were cut at the end.

use crate::{failure::warn, plural::counted};

/// Numbers of connections that were cut.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Cut {
    /// Calls were in flight on these.
    pub(crate) certain: usize,
    /// Calls may have been in flight on these.
    pub(crate) possible: usize,
}

impl Cut {
    /// Warns if there were any.
    pub(crate) fn report(self) {
        for (connections, with) in [
            (self.certain, "cut with calls in flight"),
            (self.possible, "cut, perhaps with calls in flight"),
        ] {
            if connections > 0 {
                warn(format_args!("{} {with}", counted(connections as u64, "connection")));
            }
        }
    }
}
