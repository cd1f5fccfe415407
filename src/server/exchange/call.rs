//! A handler's run for one packet, from its first poll to its reply.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    task::{Context, Poll},
};

use tracing::field::display;

use crate::{
    packet::{NoHandler, RpcError},
    server::{
        Reply, RequestKind,
        exchange::{
            log_context::LogContext,
            panicked::{Panicked, panicked},
            trace::RequestTrace,
        },
        extract::Rejection,
        handler::{
            panics::{self, Contained, drop_contained},
            service::BoxReplyFuture,
        },
        routing::fan_out::{drain_items, drain_stream},
    },
};

/// A running handler. A panic in it becomes an error reply.
pub(in crate::server) struct HandlerCall {
    kind: RequestKind,
    running: Contained<BoxReplyFuture>,
    trace: RequestTrace,
}

impl HandlerCall {
    /// Starts a handler. Returns its call. `start` makes the handler's future, which for an `async
    /// fn` does nothing before its first poll.
    pub(in crate::server) fn new(
        kind: RequestKind,
        trace: RequestTrace,
        origin: LogContext<'_>,
        start: impl FnOnce() -> BoxReplyFuture,
    ) -> Self {
        let running = catch_unwind(AssertUnwindSafe(start)).unwrap_or_else(|panic| {
            let reply = Reply::Error(panicked(panic, origin));
            Box::pin(async { reply })
        });
        Self {
            kind,
            running: Contained::new(running),
            trace,
        }
    }

    #[inline]
    pub(in crate::server) fn poll_reply(&mut self, cx: &mut Context<'_>, origin: LogContext<'_>) -> Poll<Reply> {
        let entered = self.trace.span.enter();
        // A future that has panicked is never polled again: its reply ends the call.
        let polled = catch_unwind(AssertUnwindSafe(|| poll_to_the_end(&mut self.running, cx)));
        let reply = match polled {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(reply)) => reply,
            Err(panic) => Reply::Error(panicked(panic, origin)),
        };
        if let Reply::Error(error) = &reply
            && !error.is_no_handler()
        {
            report(error, self.kind, origin);
        }
        drop(entered);
        self.trace.answered(&reply);
        Poll::Ready(reply)
    }

    pub(in crate::server) fn into_trace(self) -> RequestTrace {
        self.trace
    }

    /// Returns the trace of a call that has finished.
    pub(in crate::server) const fn take_trace(&mut self) -> RequestTrace {
        std::mem::replace(&mut self.trace, RequestTrace::none())
    }
}

/// Polls a handler, and drops it when it is done: both run user code. Returns its reply.
#[inline]
fn poll_to_the_end(running: &mut Contained<BoxReplyFuture>, cx: &mut Context<'_>) -> Poll<Reply> {
    let Some(future) = &mut **running else {
        return Poll::Pending;
    };
    let polled = future.as_mut().poll(cx);
    if polled.is_ready() {
        running.release();
    }
    polled
}

/// Returns the rest of an event whose handler returned a stream. The values are not sent, but the
/// stream must run for its side effects.
pub(in crate::server) fn drain_event_stream(
    reply: Reply,
    trace: RequestTrace,
    origin: LogContext<'_>,
) -> Option<HandlerCall> {
    match reply {
        Reply::Stream(values) => Some(HandlerCall::new(RequestKind::Event, trace, origin, || {
            Box::pin(drain_stream(values))
        })),
        Reply::Items(items) => Some(HandlerCall::new(RequestKind::Event, trace, origin, || {
            Box::pin(drain_items(items))
        })),
        other => {
            drop_contained(other);
            None
        }
    }
}

/// Logs the private cause of an error. An event has no reply, so its whole error is logged.
pub(in crate::server) fn report(error: &RpcError, kind: RequestKind, origin: LogContext<'_>) {
    // The log's subscriber formats the cause, which is user code.
    let reported = catch_unwind(AssertUnwindSafe(|| log(error, kind, origin)));
    if let Err(panic) = reported {
        let (pattern, peer) = (origin.pattern(), origin.peer.map(display));
        let panic = panics::message(panic);
        tracing::error!(
            pattern,
            peer,
            panic,
            "the handler failed, with an error that cannot be logged"
        );
    }
}

fn log(error: &RpcError, kind: RequestKind, origin: LogContext<'_>) {
    let (pattern, peer) = (origin.pattern(), origin.peer.map(display));
    // A packet that was rejected is its sender's fault, and the reply says so. A missing handler
    // that another service reported concerns that service.
    let failure = error
        .cause()
        .filter(|cause| !cause.is::<Rejection>() && !cause.is::<NoHandler>());
    match (failure, kind) {
        // Logged where it was caught.
        (Some(cause), _) if cause.is::<Panicked>() => {}
        (Some(cause), _) => {
            let error = cause as &dyn std::error::Error;
            tracing::error!(pattern, peer, error, "the handler failed");
        }
        (None, RequestKind::Event) => tracing::warn!(pattern, peer, err = %error, "the event's handler failed"),
        (None, RequestKind::Message) => {
            tracing::debug!(pattern, peer, err = %error, "the handler answers with an error");
        }
    }
}
