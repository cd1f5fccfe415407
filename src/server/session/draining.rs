//! The timer of a connection that drains.

use std::pin::Pin;

use tokio::time::Sleep;

use crate::server::session::drain::Drain;

/// The timer of a connection that is to end.
pub(super) struct Draining {
    pub(super) drain: Drain,
    pub(super) timer: Pin<Box<Sleep>>,
}

impl Draining {
    /// Returns whether nothing is read while handlers are at work.
    pub(super) fn is_gathering(&self) -> bool {
        self.drain.is_gathering
    }
}
