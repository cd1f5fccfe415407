//! A handler that waits, in the session of its caller's connection.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use crate::{
    packet::RawJson,
    server::{
        Reply,
        exchange::{
            call::HandlerCall,
            log_context::{LogContext, OwnedLogContext},
            trace::RequestTrace,
        },
    },
};

/// A call that waits, with the id for its reply; an event has none.
pub(in crate::server) struct PendingCall {
    pub(in crate::server) id: Option<RawJson>,
    pub(in crate::server) origin: OwnedLogContext,
    pub(in crate::server) call: HandlerCall,
}

/// The outcome of a call that had to wait.
pub(in crate::server) struct CompletedCall {
    pub(in crate::server) id: Option<RawJson>,
    pub(in crate::server) reply: Reply,
    pub(in crate::server) origin: OwnedLogContext,
    pub(in crate::server) trace: RequestTrace,
}

impl PendingCall {
    /// Makes the call of an event, which gets no reply.
    pub(super) fn event(call: HandlerCall, origin: LogContext<'_>) -> Self {
        Self {
            id: None,
            origin: origin.kept(),
            call,
        }
    }
}

impl Future for PendingCall {
    type Output = CompletedCall;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { id, origin, call } = &mut *self;
        call.poll_reply(cx, origin.get()).map(|reply| CompletedCall {
            id: id.take(),
            reply,
            origin: std::mem::take(origin),
            trace: call.take_trace(),
        })
    }
}
