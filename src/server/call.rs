//! A handler's run for one packet, from its first poll to its reply.

use std::{
    any::Any,
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    task::{Context, Poll},
};

use tracing::Span;

use super::{Kind, Rejection, Reply, endpoint::Running, events::exhaust};
use crate::packet::{RawJson, RpcError};

/// A handler at work. A panic in it is a reply like any other.
pub(super) struct Call {
    kind: Kind,
    running: Running,
    span: Span,
}

impl Call {
    /// `start` runs the handler as far as its future, which for a handler that is an `async fn` does nothing yet.
    pub(super) fn new(kind: Kind, span: Span, start: impl FnOnce() -> Running) -> Self {
        let running = catch_unwind(AssertUnwindSafe(start)).unwrap_or_else(|panic| {
            let reply = Reply::Error(panicked(&*panic));
            Box::pin(async { reply })
        });
        Self { kind, running, span }
    }

    pub(super) fn poll_reply(&mut self, cx: &mut Context<'_>) -> Poll<Reply> {
        let _entered = self.span.enter();
        // A future that has panicked is never polled again: its reply ends the call.
        let polled = catch_unwind(AssertUnwindSafe(|| self.running.as_mut().poll(cx)));
        let reply = match polled {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(reply)) => reply,
            Err(panic) => Reply::Error(panicked(&*panic)),
        };
        if let Reply::Error(error) = &reply {
            report(error, self.kind);
        }
        Poll::Ready(reply)
    }

    pub(super) fn into_span(self) -> Span {
        self.span
    }
}

/// A call that waits, with whom to answer; an event has nobody.
pub(super) struct Waiting {
    pub(super) id: Option<RawJson>,
    pub(super) call: Call,
}

/// How a call ended that had to wait.
pub(super) struct Finished {
    pub(super) id: Option<RawJson>,
    pub(super) reply: Reply,
    pub(super) span: Span,
}

impl Future for Waiting {
    type Output = Finished;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.call.poll_reply(cx).map(|reply| Finished {
            id: self.id.take(),
            reply,
            span: std::mem::replace(&mut self.call.span, Span::none()),
        })
    }
}

/// What is left to do for an event whose handler gave a stream: nobody gets the values, but they are to be made.
pub(super) fn rest_of_event(reply: Reply, span: Span) -> Option<Waiting> {
    match reply {
        Reply::Values(values) => Some(Waiting {
            id: None,
            call: Call::new(Kind::Event, span, || Box::pin(exhaust(values))),
        }),
        _ => None,
    }
}

/// Logs a panic and makes the answer to it.
pub(super) fn panicked(panic: &(dyn Any + Send)) -> RpcError {
    let message = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("(no message)");
    tracing::error!(panic = message, "the handler panicked");
    RpcError::internal()
}

/// Logs what the caller is not told; of an event, whose caller is told nothing, all there is to tell.
pub(super) fn report(error: &RpcError, kind: Kind) {
    // A packet that was refused is its sender's fault, and the sender is told.
    let failure = error.cause().filter(|cause| !cause.is::<Rejection>());
    match (failure, kind) {
        (Some(cause), _) => tracing::error!(error = cause as &dyn std::error::Error, "the handler failed"),
        (None, Kind::Event) => tracing::warn!(err = %error, "the event's handler failed"),
        (None, Kind::Message) => tracing::debug!(err = %error, "the handler answers with an error"),
    }
}
