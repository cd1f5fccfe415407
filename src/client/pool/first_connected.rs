//! Waits for the first of several connections.

use futures_util::{StreamExt, stream::FuturesUnordered};

use crate::client::{
    CallError, OverloadPolicy,
    pool::{Chosen, ConnectionPool, call_guard::CallGuard},
};

impl ConnectionPool {
    /// Returns the connection that a call takes, by its index, when none was [ready](Self::ready).
    /// No more callers wait for that than have room in the queues of all connections.
    pub(in crate::client) async fn first_ready(&self) -> Result<Chosen, CallError> {
        let _waiting = match (self.waiting.try_acquire(), self.config.overload) {
            (Ok(permit), _) => Ok(permit),
            (Err(_), OverloadPolicy::Fail) => return Err(CallError::Overloaded),
            (Err(_), OverloadPolicy::Wait) => self.waiting.acquire().await,
        };
        self.first_connected().await.map(Chosen::usual)
    }

    /// Waits until any connection is connected; its index.
    pub(in crate::client) async fn first_connected(&self) -> Result<usize, CallError> {
        let connecting = async |index| {
            let mut guard = CallGuard::new(self);
            guard.connect(index).await.map(|()| index)
        };
        let mut attempts: FuturesUnordered<_> = (0..self.links.len()).map(connecting).collect();
        let mut outcome = Err(CallError::Closed);
        while let Some(connected) = attempts.next().await {
            outcome = connected;
            if outcome.is_ok() {
                break;
            }
        }
        outcome
    }
}
