//! What all clones of a client share: the connection, and the inboxes of their calls.

use std::sync::{Arc, PoisonError, RwLock};

use async_nats::{Client, HeaderMap, Subject};
use bytes::Bytes;
use tokio::sync::Mutex;

use crate::{CallError, client::inboxes::Inboxes};

pub(crate) struct Shared {
    pub(crate) nats: Client,
    inboxes: RwLock<Option<Arc<Inboxes>>>,
    /// Held while inboxes are opened, so that concurrent first calls share them.
    opening: Mutex<()>,
}

impl Shared {
    pub(crate) fn new(nats: Client) -> Self {
        Self {
            nats,
            inboxes: RwLock::new(None),
            opening: Mutex::new(()),
        }
    }

    /// Returns the inboxes, which the first call opens, and the next call after they have ended.
    pub(crate) async fn inboxes(&self) -> Result<Arc<Inboxes>, CallError> {
        if let Some(inboxes) = self.open_inboxes() {
            return Ok(inboxes);
        }
        let _opening = self.opening.lock().await;
        if let Some(inboxes) = self.open_inboxes() {
            return Ok(inboxes);
        }
        let inboxes = Arc::new(Inboxes::open(&self.nats).await?);
        let mut place = self.inboxes.write().unwrap_or_else(PoisonError::into_inner);
        *place = Some(Arc::clone(&inboxes));
        Ok(inboxes)
    }

    fn open_inboxes(&self) -> Option<Arc<Inboxes>> {
        let inboxes = self.inboxes.read().unwrap_or_else(PoisonError::into_inner);
        inboxes.as_ref().filter(|inboxes| !inboxes.is_over()).cloned()
    }

    /// Publishes a message. While the client reconnects, waits for room in its queue.
    pub(crate) async fn publish(
        &self,
        subject: Subject,
        reply: Option<String>,
        headers: Option<HeaderMap>,
        packet: Bytes,
    ) -> Result<(), CallError> {
        let size = packet.len();
        let published = match (reply, headers) {
            (None, None) => self.nats.publish(subject, packet).await,
            (None, Some(headers)) => self.nats.publish_with_headers(subject, headers, packet).await,
            (Some(reply), None) => self.nats.publish_with_reply(subject, reply, packet).await,
            (Some(reply), Some(headers)) => {
                self.nats
                    .publish_with_reply_and_headers(subject, reply, headers, packet)
                    .await
            }
        };
        published.map_err(|error| match error.kind() {
            async_nats::client::PublishErrorKind::MaxPayloadExceeded => CallError::TooLarge {
                size,
                max: self.nats.max_payload(),
            },
            _ => CallError::Closed,
        })
    }
}
