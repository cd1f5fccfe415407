//! Waits for the first of several connections.

use std::sync::Arc;

use futures_util::{StreamExt, stream::FuturesUnordered};

use crate::client::{
    CallError, OverloadPolicy,
    pool::{ConnectionPool, Links, call_guard::CallGuard, choice::Chosen, connection::PooledConnection},
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
        self.first_connected().await
    }

    /// Waits until any connection is established. Returns it.
    pub(in crate::client) async fn first_connected(&self) -> Result<Chosen, CallError> {
        let Links::Several { members, keeper } = &self.links else {
            return CallGuard::new(self).connect(None).await.map(|()| Chosen::ONLY);
        };
        loop {
            let mut changes = members.changes();
            if let Some(keeper) = keeper {
                keeper.ensure(members);
            }
            if members.is_closed() {
                return Err(CallError::Closed);
            }
            let links = members.links();
            tokio::select! {
                biased;
                outcome = self.first_of(&links), if !links.is_empty() => match outcome {
                    // A connection that has left the list was closed, not the client.
                    Err(CallError::Closed) if !members.is_closed() => {}
                    outcome => return outcome,
                },
                _ = changes.changed() => {
                    let failure = changes.borrow_and_update().failure.clone();
                    if let Some(failure) = failure.filter(|_| links.is_empty()) {
                        return Err(CallError::Connect(failure));
                    }
                }
            }
        }
    }

    /// Waits until one of these connections is established. Returns it.
    async fn first_of(&self, links: &[Arc<PooledConnection>]) -> Result<Chosen, CallError> {
        let connecting = async |link: &Arc<PooledConnection>| {
            let mut guard = CallGuard::new(self);
            guard
                .connect(Some(Arc::clone(link)))
                .await
                .map(|()| Chosen::usual(link))
        };
        let mut attempts: FuturesUnordered<_> = links.iter().map(connecting).collect();
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
