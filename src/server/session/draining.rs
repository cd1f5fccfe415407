//! The timer of a connection that drains.

use std::pin::Pin;

use tokio::time::Sleep;

use crate::server::session::drain::Drain;

/// The timer of a connection that must end.
pub(super) struct Draining {
    pub(super) drain: Drain,
    pub(super) timer: Pin<Box<Sleep>>,
}

impl Draining {
    /// Returns true if nothing is read while handlers run.
    pub(super) fn is_gathering(&self) -> bool {
        self.drain.is_gathering
    }
}
