//! The source of a stream's values: one connection after another, as long as no service has done
//! anything for the call.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::time::Instant;

use crate::{
    client::{
        CallError,
        call::{
            deadline::Silence,
            outgoing::{CallKind, OutgoingCall, RETRIES},
            trace::CallTrace,
        },
        channel::pending::CancelReason,
        error::Answer,
        pool::{
            ConnectionPool,
            call_guard::{CallGuard, NextItem},
        },
    },
    packet::{CallId, Draft},
};

/// The call of one stream.
///
/// ```text
///               refused, or lost before it was written
///   Submitted ──────────────────────────────────────────► Moving
///       ▲                                                   │
///       └─────────────── there was room for it ─────────────┘
/// ```
pub(in crate::client) struct Source {
    state: SourceState,
    silence: Silence,
    /// When the stream was requested. The timeout of its first value starts then, on any
    /// connection.
    since: Instant,
    /// A copy of the packet, until the first value or the end of the stream has come.
    kept: Option<Draft>,
    refusals: usize,
    kind: CallKind,
}

enum SourceState {
    Submitted(CallGuard<Arc<ConnectionPool>>),
    /// The call waits for a connection, and for room in the connection's queue.
    Moving(Moving),
    Over,
}

type Moving = Pin<Box<dyn Future<Output = (CallGuard<Arc<ConnectionPool>>, Result<(), CallError>)> + Send + Sync>>;

impl Source {
    /// Returns the source for a submitted call; `kept` is a copy of its packet.
    pub(in crate::client) fn new(
        guard: CallGuard<Arc<ConnectionPool>>,
        kind: CallKind,
        kept: Draft,
        timeout: Duration,
    ) -> Self {
        let since = match kind {
            CallKind::Stream { since } | CallKind::Packets { since } => since,
            CallKind::Request | CallKind::First | CallKind::Event => Instant::now(),
        };
        Self {
            state: SourceState::Submitted(guard),
            silence: Silence::new(timeout),
            since,
            kept: Some(kept),
            refusals: 0,
            kind,
        }
    }

    /// Returns the next value, or `None` at the end of the stream.
    pub(in crate::client) fn poll_next(&mut self, watch: &CallTrace, cx: &mut Context<'_>) -> Poll<Option<Answer>> {
        loop {
            match &mut self.state {
                SourceState::Submitted(guard) => match ready!(guard.poll_next(&mut self.silence, cx)) {
                    NextItem::Item(Some(Err(CallError::Stopping)))
                        if self.refusals < RETRIES && self.kept.is_some() =>
                    {
                        self.refusals += 1;
                        let draft = self.kept.as_ref().map(Draft::copied).unwrap_or_default();
                        self.resubmit(draft);
                    }
                    NextItem::Item(item) => {
                        self.kept = None;
                        guard.learn(false, item.as_ref().unwrap_or(&Ok(None)));
                        return Poll::Ready(item);
                    }
                    NextItem::Returned(returned) => {
                        self.since = returned.since.unwrap_or(self.since);
                        let kind = self.kind.since(self.since);
                        let mut outgoing = OutgoingCall::reopened(kind, returned);
                        self.resubmit(std::mem::take(&mut outgoing.draft));
                    }
                },
                SourceState::Moving(moving) => {
                    let polled = watch.span().in_scope(|| moving.as_mut().poll(cx));
                    let Poll::Ready((guard, submitted)) = polled else {
                        let late = ready!(self.silence.poll(self.since, cx));
                        return Poll::Ready(Some(Err(late)));
                    };
                    watch.identified(|| guard.id());
                    self.state = SourceState::Submitted(guard);
                    if let Err(error) = submitted {
                        return Poll::Ready(Some(Err(error)));
                    }
                }
                SourceState::Over => return Poll::Ready(None),
            }
        }
    }

    /// Submits the packet to any connection that takes calls, as soon as there is room for it.
    fn resubmit(&mut self, draft: Draft) {
        let SourceState::Submitted(mut guard) = std::mem::replace(&mut self.state, SourceState::Over) else {
            return;
        };
        let kind = self.kind.since(self.since);
        self.state = SourceState::Moving(Box::pin(async move {
            guard.leave_link(CancelReason::Dropped);
            let submitted = guard.submit(&mut OutgoingCall { draft, kind }).await;
            (guard, submitted)
        }));
    }

    /// Drops the call and the copy of its packet.
    pub(in crate::client) fn end(&mut self) {
        self.state = SourceState::Over;
        self.kept = None;
    }

    /// Returns true if the whole reply has come and its values have been taken.
    pub(in crate::client) fn is_complete(&self) -> bool {
        match &self.state {
            SourceState::Submitted(guard) => guard.is_complete(),
            SourceState::Moving(_) | SourceState::Over => false,
        }
    }

    /// Returns the id of the request, if it has been submitted and has not ended.
    pub(in crate::client) fn id(&self) -> Option<CallId> {
        match &self.state {
            SourceState::Submitted(guard) => guard.id(),
            SourceState::Moving(_) | SourceState::Over => None,
        }
    }
}
