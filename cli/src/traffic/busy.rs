//! Connections that must not end now.

use std::collections::HashSet;

/// The numbers of connections that are in the middle of something.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Busy {
    /// Connections on which calls wait for their replies.
    pub(crate) calls: HashSet<u32>,
    /// Connections on which a part of a frame has come.
    pub(crate) frames: HashSet<u32>,
    /// Connections with something that cannot be read, TLS for example: calls may be in flight.
    pub(crate) unreadable: HashSet<u32>,
}
