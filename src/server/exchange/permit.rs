//! The permit of a request in flight.

use std::sync::Arc;

use tokio::sync::OwnedSemaphorePermit;

/// Counts one request or event as in flight until the last clone is dropped.
pub(in crate::server) type Permit = Arc<Permits>;

/// The permits of the limits that count the request: of its connection, and of the whole service.
#[derive(Debug)]
pub(in crate::server) struct Permits {
    _held: [Option<OwnedSemaphorePermit>; 2],
}

impl Permits {
    pub(in crate::server) const fn new(held: [Option<OwnedSemaphorePermit>; 2]) -> Self {
        Self { _held: held }
    }
}
