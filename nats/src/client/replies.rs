//! The replies to one call (`client/client-nats.js`, `createSubscriptionHandler`).

use std::{
    sync::Arc,
    task::{Context, Poll, ready},
};

use async_nats::{Message, StatusCode};
use bytestring::ByteString;
use nest_wire::{
    Compat,
    packet::{CallId, IncomingReply, RawJson, ReplyOutcome, RpcError},
};

use crate::{
    CallError,
    client::inboxes::{Delivery, Inbox},
};

/// A call that has been sent, and its replies.
pub(crate) struct Replies {
    pub(crate) inbox: Inbox,
    pub(crate) id: CallId,
    pub(crate) subject: String,
    pub(crate) compat: Compat,
    pub(crate) max_waiting: usize,
}

/// One reply that is not an error.
pub(crate) enum Value {
    /// A value; more may follow. `None` is undefined.
    More(Option<RawJson>),
    /// The end, perhaps with a last value.
    Last(Option<RawJson>),
}

impl Replies {
    /// Waits for the next reply to this call. Replies with the id of another call are skipped.
    pub(crate) fn poll_value(&mut self, cx: &mut Context<'_>) -> Poll<Result<Value, CallError>> {
        loop {
            let message = match ready!(self.inbox.poll_delivery(cx)) {
                Some(Delivery::Reply(message)) => message,
                Some(Delivery::Overflow) => return Poll::Ready(Err(CallError::StreamOverflow(self.max_waiting))),
                None => return Poll::Ready(Err(CallError::Closed)),
            };
            if let Some(value) = self.read(&message).transpose() {
                return Poll::Ready(value);
            }
        }
    }

    fn read(&self, message: &Message) -> Result<Option<Value>, CallError> {
        // Nest takes every empty message for the server's report.
        if message.status == Some(StatusCode::NO_RESPONDERS) || message.payload.is_empty() {
            return Err(CallError::NoResponders(self.subject.clone()));
        }
        let text = match ByteString::try_from(message.payload.clone()) {
            Ok(text) => text,
            Err(_) => String::from_utf8_lossy(&message.payload).into_owned().into(),
        };
        let reply = IncomingReply::read(&text, self.compat).map_err(|error| CallError::Malformed(Arc::new(error)))?;
        if !self.is_ours(reply.id.as_ref()) {
            return Ok(None);
        }
        match reply.outcome {
            ReplyOutcome::Value(value) => Ok(Some(Value::More(value))),
            ReplyOutcome::Completed(value) => Ok(Some(Value::Last(value))),
            ReplyOutcome::Failed(err) => Err(CallError::Rpc(RpcError::from_raw(err))),
            _ => Ok(None),
        }
    }

    /// Returns true for this call's id, and for a reply without one.
    fn is_ours(&self, id: Option<&RawJson>) -> bool {
        match id.filter(|id| id.is_truthy()) {
            Some(id) => CallId::read(id) == Some(self.id),
            None => true,
        }
    }
}
