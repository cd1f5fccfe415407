//! Sends the packets of a reply to the caller's inbox.

use std::sync::Arc;

use async_nats::Subject;
use bytes::BytesMut;
use nest_wire::{
    packet::{OutgoingReply, RawJson, RpcError, write_reply},
    server::exchange::Exchange,
};

use crate::serve::handling::{Handling, IsCut};

/// More than the bytes of a packet beside its value and its id.
const BETWEEN: usize = 64;

/// The place where the replies to one request go.
pub(crate) struct ReplyTo {
    pub(crate) handling: Arc<Handling>,
    pub(crate) inbox: Subject,
    pub(crate) id: RawJson,
}

impl ReplyTo {
    /// Runs the handler and sends each packet of its reply, the next one when NATS's client has
    /// taken the last.
    pub(crate) async fn answer(self, mut exchange: Exchange) {
        loop {
            match self.handling.next(&mut exchange).await {
                Ok(Some(item)) if self.send(item.as_outgoing()).await => {}
                Ok(_) => return,
                Err(IsCut) => {
                    let error = RpcError::new("the service stopped before it replied");
                    return self.refuse(&error).await;
                }
            }
        }
    }

    /// Sends one packet. Returns false if the call has ended with it in a way that the handler does
    /// not know: the packet is too large, or the connection is closed for good.
    async fn send(&self, reply: OutgoingReply<'_>) -> bool {
        let value = match reply {
            OutgoingReply::Value(value) | OutgoingReply::Last(value) | OutgoingReply::Error(value) => {
                value.as_str().len()
            }
            _ => 0,
        };
        let mut packet = BytesMut::with_capacity(value + self.id.as_str().len() + BETWEEN);
        write_reply(&mut packet, reply, &self.id);
        let (size, max) = (packet.len(), self.handling.nats.max_payload());
        if size > max {
            self.refuse_size(size, max).await;
            return false;
        }
        self.publish(packet).await
    }

    /// Nest's service logs this and sends nothing, so that its caller waits.
    async fn refuse_size(&self, size: usize, max: usize) {
        tracing::warn!(size, max, inbox = %self.inbox, "a reply exceeds the maximum payload of NATS");
        let error = RpcError::new(format_args!("the reply has {size} bytes, NATS takes {max}"));
        self.refuse(&error).await;
    }

    /// Sends an error as the whole reply.
    pub(crate) async fn refuse(&self, error: &RpcError) {
        let mut packet = BytesMut::new();
        write_reply(&mut packet, OutgoingReply::Error(error.err()), &self.id);
        self.publish(packet).await;
    }

    async fn publish(&self, packet: BytesMut) -> bool {
        let published = self.handling.nats.publish(self.inbox.clone(), packet.freeze()).await;
        if let Err(error) = &published {
            let error = error as &dyn std::error::Error;
            tracing::warn!(error, inbox = %self.inbox, "a reply cannot be sent");
        }
        published.is_ok()
    }
}
