//! A round trip to the server.

use std::time::Duration;

use async_nats::Client;
use bytes::Bytes;
use futures_util::StreamExt;
use tokio::time::timeout;

use crate::ServeError;

/// Maximum time to wait. A user without the right to subscribe to inboxes gets nothing back, and what
/// was on its way has arrived by then.
const PATIENCE: Duration = Duration::from_secs(5);

/// Waits until the server has read everything that was sent to it before, and everything that it had
/// sent by then has arrived: each side reads and sends in order.
///
/// # Errors
/// [`ServeError::Closed`]
pub(crate) async fn round_trip(nats: &Client) -> Result<(), ServeError> {
    let inbox = nats.new_inbox();
    let mut replies = nats.subscribe(inbox.clone()).await.map_err(|_| ServeError::Closed)?;
    let published = nats.publish(inbox, Bytes::new()).await;
    published.map_err(|_| ServeError::Closed)?;
    let _ = timeout(PATIENCE, replies.next()).await;
    Ok(())
}
