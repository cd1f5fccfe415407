//! Acquires the permit for one more request or event in flight.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::server::{
    exchange::permit::{Permit, Permits},
    limits::LimitExceeded,
};

/// Returns a permit of each given semaphore; `Ok(None)` if none is given.
pub(super) fn acquire(
    on_connection: Option<&Arc<Semaphore>>,
    in_all: Option<&Arc<Semaphore>>,
) -> Result<Option<Permit>, LimitExceeded> {
    if on_connection.is_none() && in_all.is_none() {
        return Ok(None);
    }
    Ok(Some(Arc::new(Permits::new([
        one_of(on_connection, LimitExceeded::InFlightPerConnection)?,
        one_of(in_all, LimitExceeded::InFlight)?,
    ]))))
}

fn one_of(
    permits: Option<&Arc<Semaphore>>,
    exceeded: LimitExceeded,
) -> Result<Option<OwnedSemaphorePermit>, LimitExceeded> {
    let acquired = permits.map(|permits| Arc::clone(permits).try_acquire_owned());
    acquired.transpose().map_err(|_| exceeded)
}
