//! Handles one message: reads it, asks the router, sends the reply.

use std::{
    future::{Future, poll_fn},
    pin::Pin,
    sync::Arc,
    task::Poll,
};

use async_nats::{Client, Message, Subject};
use futures_util::StreamExt;
use nest_wire::{
    packet::{RawJson, RpcError},
    pattern::Route,
    server::{Routes, exchange::Exchange, reply::ReplyItem},
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::serve::{
    cut::Cut,
    reading::{Read, read},
    replying::ReplyTo,
};

/// What all subscriptions of a service share.
pub(crate) struct Handling {
    pub(crate) nats: Client,
    pub(crate) routes: Arc<Routes>,
    /// The permits for requests in flight, if their number is limited.
    pub(crate) in_flight: Option<Arc<Semaphore>>,
    pub(crate) cut: Cut,
}

/// The drain timeout has expired.
pub(crate) struct IsCut;

/// A message that is being handled.
pub(crate) type Running = Pin<Box<dyn Future<Output = ()> + Send>>;

impl Handling {
    /// Begins to handle a message that came by the subscription to `route`. Returns the rest of the
    /// work, which is cancelled when it is dropped.
    pub(crate) fn begin(self: &Arc<Self>, route: &Route<'static>, message: Message) -> Running {
        let Read { request, id } = match read(&message) {
            Ok(read) => read,
            Err(error) => return self.refuse_malformed(message, &error),
        };
        let reply_to = id.zip(message.reply).map(|(id, inbox)| ReplyTo {
            handling: Arc::clone(self),
            inbox,
            id,
        });
        let permit = match self.permit() {
            Ok(permit) => permit,
            Err(()) => return refuse_excess(reply_to, &message.subject),
        };
        let mut exchange = self.routes.exchange_at(route, request);
        let handling = Arc::clone(self);
        Box::pin(async move {
            match reply_to {
                Some(reply_to) => reply_to.answer(exchange).await,
                None => while let Ok(Some(_)) = handling.next(&mut exchange).await {},
            }
            drop(permit);
        })
    }

    /// Runs the handler up to the next packet of its reply.
    ///
    /// # Errors
    /// [`IsCut`], if the request has to end now.
    pub(crate) async fn next(&self, exchange: &mut Exchange) -> Result<Option<ReplyItem>, IsCut> {
        poll_fn(|cx| match self.cut.has_begun() {
            true => Poll::Ready(Err(IsCut)),
            false => exchange.poll_next_unpin(cx).map(Ok),
        })
        .await
    }

    /// Returns a permit for one more request; `Ok(None)` if their number is not limited.
    fn permit(&self) -> Result<Option<OwnedSemaphorePermit>, ()> {
        let acquire = |permits: &Arc<Semaphore>| Arc::clone(permits).try_acquire_owned();
        self.in_flight.as_ref().map(acquire).transpose().map_err(drop)
    }

    /// Nest's service logs this too, but sends no reply. The packet has no id that could be sent
    /// back; Nest's client takes a reply without one.
    fn refuse_malformed(&self, message: Message, error: &nest_wire::packet::PacketError) -> Running {
        let subject = message.subject;
        let error = error as &dyn std::error::Error;
        tracing::warn!(error, %subject, "a message that is not JSON");
        let Some(inbox) = message.reply else {
            return Box::pin(async {});
        };
        let nats = self.nats.clone();
        Box::pin(async move {
            // A connection that is closed for good ends the service.
            let _ = nats.publish(inbox, malformed_reply().into()).await;
        })
    }
}

fn refuse_excess(reply_to: Option<ReplyTo>, subject: &Subject) -> Running {
    match reply_to {
        Some(reply_to) => Box::pin(async move {
            reply_to.refuse(&RpcError::new("too many requests in flight")).await;
        }),
        None => {
            tracing::warn!(%subject, "an event is dropped: too many requests in flight");
            Box::pin(async {})
        }
    }
}

/// Returns the packet that answers a message which is not JSON.
fn malformed_reply() -> String {
    let error = RpcError::new("the message is not JSON");
    let err: &RawJson = error.err();
    format!("{{\"err\":{},\"isDisposed\":true}}", err.as_str())
}
