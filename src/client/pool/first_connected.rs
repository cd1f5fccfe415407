//! Waits for the first of several connections.

use futures_util::{StreamExt, stream::FuturesUnordered};

use crate::client::{
    CallError, OverloadPolicy,
    pool::{Chosen, ConnectionPool, call_guard::CallGuard},
};

impl ConnectionPool {
    /// Waits for a connection when none was [ready](Self::ready). The number of callers that wait
    /// here is at most the capacity of all queues together. Returns the connection that the call
    /// takes.
    pub(in crate::client) async fn first_ready(&self) -> Result<Chosen, CallError> {
        let _waiting = match (self.waiting.try_acquire(), self.config.overload) {
            (Ok(permit), _) => Ok(permit),
            (Err(_), OverloadPolicy::Fail) => return Err(CallError::Overloaded),
            (Err(_), OverloadPolicy::Wait) => self.waiting.acquire().await,
        };
        self.first_connected().await.map(Chosen::usual)
    }

    /// Waits until any connection is established. Returns its index.
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
