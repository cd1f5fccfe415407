//! The end of a client's connections, by request or when the last handle is dropped.

use std::{pin::pin, time::Duration};

use futures_util::future::join_all;

use crate::client::{
    CallError, ConnectionState, DisconnectReason,
    call::deadline::within,
    pool::{ConnectionPool, Links, connection::PooledConnection},
};

/// Maximum time that a running driver may take to drop a connection that it has to cut.
const GRACE: Duration = Duration::from_millis(100);

impl ConnectionPool {
    pub(in crate::client) async fn close(&self) {
        let timeout = self.config.drain_timeout;
        match &self.links {
            Links::One(link) => link.close(timeout).await,
            Links::Several { members, keeper } => {
                if let Some(keeper) = keeper {
                    keeper.stop();
                }
                let links = members.close();
                if members.is_empty() {
                    self.publisher.closed();
                }
                join_all(links.iter().map(|link| link.close(timeout))).await;
            }
        }
    }
}

impl PooledConnection {
    /// Rejects further calls, and waits until the calls in flight have ended, for `drain_timeout`
    /// at most. The caller's own timer limits the time, since the driver may be in a runtime that
    /// is not running.
    async fn close(&self, drain_timeout: Duration) {
        if self.channel.close() {
            self.reporter
                .post(ConnectionState::Disconnected(DisconnectReason::Closed));
        }
        if self.left_within(drain_timeout).await.is_err() {
            self.channel.cut();
            if self.left_within(GRACE).await.is_err() {
                self.reporter
                    .post(ConnectionState::Disconnected(DisconnectReason::Closed));
            }
        }
    }

    async fn left_within(&self, timeout: Duration) -> Result<(), CallError> {
        let left = pin!(async {
            self.channel.driver_stopped().await;
            Ok(())
        });
        within(timeout, pin!(None), left).await
    }
}

/// The last handle is dropped, or the connection drains and its last call has ended. The driver
/// finishes the calls in flight until the drain timeout expires.
impl Drop for PooledConnection {
    fn drop(&mut self) {
        self.channel.close();
    }
}
