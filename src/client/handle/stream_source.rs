//! Where a stream's values come from: one connection after another, as long as nothing was done for
//! the call.

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
            outgoing::{Kind, OutgoingCall},
            retries::RETRIES,
            trace::CallTrace,
        },
        channel::{answer::Answer, pending::CancelReason},
        pool::{
            ConnectionPool,
            call_guard::{CallGuard, Next},
        },
    },
    packet::{CallId, Draft},
};

/// One stream's call.
///
/// ```text
///               refused, or lost before it was written
///   Submitted ──────────────────────────────────────────► Moving
///       ▲                                                   │
///       └─────────────── there was room for it ─────────────┘
/// ```
pub(in crate::client) struct Source {
    state: State,
    silence: Silence,
    /// When the stream was asked for: from then on its first value has its time, on whichever
    /// connection.
    since: Instant,
    /// The packet, until its first value or its end has come.
    kept: Option<Draft>,
    refusals: usize,
}

enum State {
    Submitted(CallGuard<Arc<ConnectionPool>>),
    /// It waits for a connection, and for room in its queue.
    Moving(Moving),
    Over,
}

type Moving = Pin<Box<dyn Future<Output = (CallGuard<Arc<ConnectionPool>>, Result<(), CallError>)> + Send + Sync>>;

impl Source {
    /// Notes that the packet of `kept` has been submitted.
    pub(in crate::client) fn new(
        guard: CallGuard<Arc<ConnectionPool>>,
        kind: Kind,
        kept: Draft,
        timeout: Duration,
    ) -> Self {
        let since = match kind {
            Kind::Stream { since } => since,
            Kind::Request | Kind::First | Kind::Event => Instant::now(),
        };
        Self {
            state: State::Submitted(guard),
            silence: Silence::new(timeout),
            since,
            kept: Some(kept),
            refusals: 0,
        }
    }

    /// Returns the next value, or the end, which is `None`.
    pub(in crate::client) fn poll_next(&mut self, watch: &CallTrace, cx: &mut Context<'_>) -> Poll<Option<Answer>> {
        loop {
            match &mut self.state {
                State::Submitted(guard) => match ready!(guard.poll_next(&mut self.silence, cx)) {
                    Next::Item(Some(Err(CallError::Stopping))) if self.refusals < RETRIES && self.kept.is_some() => {
                        self.refusals += 1;
                        let draft = self.kept.as_ref().map(Draft::copied).unwrap_or_default();
                        self.resubmit(draft);
                    }
                    Next::Item(item) => {
                        self.kept = None;
                        guard.learn(false, item.as_ref().unwrap_or(&Ok(None)));
                        return Poll::Ready(item);
                    }
                    Next::Returned(returned) => {
                        self.since = returned.since.unwrap_or(self.since);
                        let kind = Kind::Stream { since: self.since };
                        let mut outgoing = OutgoingCall::reopened(kind, returned);
                        self.resubmit(std::mem::take(&mut outgoing.draft));
                    }
                },
                State::Moving(moving) => {
                    let polled = watch.span().in_scope(|| moving.as_mut().poll(cx));
                    let Poll::Ready((guard, submitted)) = polled else {
                        let late = ready!(self.silence.poll(self.since, cx));
                        return Poll::Ready(Some(Err(late)));
                    };
                    watch.identified(|| guard.id());
                    self.state = State::Submitted(guard);
                    if let Err(error) = submitted {
                        return Poll::Ready(Some(Err(error)));
                    }
                }
                State::Over => return Poll::Ready(None),
            }
        }
    }

    /// Submits the packet to whichever connection takes calls, when there is room for it.
    fn resubmit(&mut self, draft: Draft) {
        let State::Submitted(mut guard) = std::mem::replace(&mut self.state, State::Over) else {
            return;
        };
        let kind = Kind::Stream { since: self.since };
        self.state = State::Moving(Box::pin(async move {
            guard.leave_link(CancelReason::Dropped);
            let submitted = guard.submit(&mut OutgoingCall { draft, kind }).await;
            (guard, submitted)
        }));
    }

    /// Forgets the call.
    pub(in crate::client) fn end(&mut self) {
        self.state = State::Over;
        self.kept = None;
    }

    /// Returns the id of the request, if it has been submitted and has not ended.
    pub(in crate::client) fn id(&self) -> Option<CallId> {
        match &self.state {
            State::Submitted(guard) => guard.id(),
            State::Moving(_) | State::Over => None,
        }
    }
}
