//! The replies to one call (`client/client-nats.js`, `createSubscriptionHandler`).

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use async_nats::{Message, StatusCode, Subject};
use bytestring::ByteString;
use nest_wire::{
    Compat,
    packet::{CallId, IncomingReply, RawJson, ReplyOutcome},
};
use tokio::time::{Sleep, sleep};

use crate::{
    CallError,
    client::inboxes::{Delivery, Inbox},
};

/// A call that has been sent.
pub(crate) struct Call {
    pub(crate) inbox: Inbox,
    pub(crate) id: CallId,
    pub(crate) subject: Subject,
    pub(crate) compat: Compat,
    pub(crate) max_waiting: usize,
}

/// One reply, an error of the service included.
pub(crate) struct Reply {
    pub(crate) text: ByteString,
    pub(crate) outcome: ReplyOutcome,
    pub(crate) has_id: bool,
}

impl Reply {
    pub(crate) const fn is_last(&self) -> bool {
        !matches!(self.outcome, ReplyOutcome::Value(_))
    }
}

impl Call {
    /// Waits for the next reply to this call. Replies with the id of another call are skipped.
    pub(crate) fn poll_reply(&mut self, cx: &mut Context<'_>) -> Poll<Result<Reply, CallError>> {
        loop {
            let message = match ready!(self.inbox.poll_delivery(cx)) {
                Some(Delivery::Reply(message)) => message,
                Some(Delivery::Overflow) => return Poll::Ready(Err(CallError::StreamOverflow(self.max_waiting))),
                None => return Poll::Ready(Err(CallError::Closed)),
            };
            if let Some(reply) = self.read(&message).transpose() {
                return Poll::Ready(reply);
            }
        }
    }

    fn read(&self, message: &Message) -> Result<Option<Reply>, CallError> {
        // Nest takes every empty message for the server's report.
        if message.status == Some(StatusCode::NO_RESPONDERS) || message.payload.is_empty() {
            return Err(CallError::NoResponders(self.subject.to_string()));
        }
        let text = match ByteString::try_from(message.payload.clone()) {
            Ok(text) => text,
            Err(_) => String::from_utf8_lossy(&message.payload).into_owned().into(),
        };
        let reply = IncomingReply::read(&text, self.compat).map_err(|error| CallError::Malformed(Arc::new(error)))?;
        Ok(self.is_ours(reply.id.as_ref()).then_some(Reply {
            text,
            outcome: reply.outcome,
            has_id: reply.id.is_some(),
        }))
    }

    /// Returns true for this call's id, and for a reply without one.
    fn is_ours(&self, id: Option<&RawJson>) -> bool {
        match id.filter(|id| id.is_truthy()) {
            Some(id) => CallId::read(id) == Some(self.id),
            None => true,
        }
    }
}

/// The replies to a call as they come, each within the timeout.
pub(crate) struct Replies {
    /// `None` once the call has ended.
    call: Option<Call>,
    timeout: Duration,
    timer: Pin<Box<Sleep>>,
}

impl Replies {
    pub(crate) fn new(call: Call, timeout: Duration) -> Self {
        Self {
            call: Some(call),
            timeout,
            timer: Box::pin(sleep(timeout)),
        }
    }

    /// Polls the next reply. The last one, or an error, ends the call.
    pub(crate) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Reply, CallError>>> {
        let Some(call) = &mut self.call else {
            return Poll::Ready(None);
        };
        let reply = match call.poll_reply(cx) {
            Poll::Ready(reply) => reply,
            Poll::Pending => {
                ready!(self.timer.as_mut().poll(cx));
                Err(CallError::Timeout(self.timeout))
            }
        };
        match &reply {
            Ok(reply) if !reply.is_last() => self.timer.set(sleep(self.timeout)),
            _ => self.end(),
        }
        Poll::Ready(Some(reply))
    }

    pub(crate) fn end(&mut self) {
        self.call = None;
    }

    pub(crate) const fn is_over(&self) -> bool {
        self.call.is_none()
    }
}
