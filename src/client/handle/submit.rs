//! How a packet is sent, once or several times, and how its caller receives the reply. Looks at no
//! patterns and no types.

use std::{
    future::poll_fn,
    ops::Deref,
    pin::{Pin, pin},
    task::{Context, Poll},
};

use tokio::time::Sleep;
use tracing::Span;

use crate::client::{
    CallError, Client,
    call::{
        deadline::within,
        outgoing::{OutgoingCall, RETRIES},
        trace::{CallTrace, TracedKind},
    },
    channel::{
        pending::CancelReason,
        waiter::{End, Returned},
    },
    error::Answer,
    pool::{ConnectionPool, call_guard::CallGuard, moving::Moving},
};
use crate::packet::Draft;

impl Client {
    /// Begins the trace of a call and adds the client's metadata to the packet. Returns the trace.
    pub(in crate::client) fn watch(&self, outgoing: &mut OutgoingCall) -> CallTrace {
        let kind = match outgoing.is_request() {
            true => TracedKind::Message,
            false => TracedKind::Event,
        };
        let watch = self.trace(kind, &outgoing.draft);
        self.attach(outgoing, watch.span());
        watch
    }

    /// Begins the trace of a packet to which nothing is added.
    pub(super) fn trace(&self, kind: TracedKind, draft: &Draft) -> CallTrace {
        CallTrace::begin(&self.pool.meters, kind, draft, &self.metadata)
    }

    fn attach(&self, outgoing: &mut OutgoingCall, span: &Span) {
        if let Some(metadata) = self.metadata.json(self.timeout, span) {
            outgoing.draft.metadata(&metadata);
        }
    }

    /// Sends a request and waits for its value, or sends an event and waits until it is written.
    /// `fill` fills the packet again if a request is sent again. Returns the value, or `None` for
    /// an event.
    pub(in crate::client) async fn ask(
        &self,
        outgoing: &mut OutgoingCall,
        watch: &mut CallTrace,
        fill: impl Fn(&mut OutgoingCall) -> Result<(), CallError>,
    ) -> Answer {
        let mut guard = CallGuard::new(&*self.pool);
        let mut timer = pin!(None);
        let ended = match self.submit(&mut guard, outgoing, watch, timer.as_mut()).await {
            Ok(()) => {
                if outgoing.is_request() {
                    watch.identified(|| guard.id());
                }
                let ended = pin!(guard.ended());
                watch.within(pin!(within(self.timeout, timer.as_mut(), ended))).await
            }
            Err(error) => Err(error),
        };
        let returned = match ended {
            Ok(End::Value(value)) => return finish(&mut guard, outgoing, watch, Ok(value)),
            Ok(End::Returned(packet)) => Some(packet),
            Err(CallError::Stopping) => None,
            Err(error) => return finish(&mut guard, outgoing, watch, Err(error)),
        };
        // Boxed, like everything that calls seldom need: their futures are moved, and would be
        // larger.
        let again = Again { returned, fill };
        let answer = Box::pin(self.ask_again(&mut guard, outgoing, watch, timer, again)).await;
        finish(&mut guard, outgoing, watch, answer)
    }

    /// Submits a packet: nearly always at once, otherwise as soon as there is room for it.
    pub(super) async fn submit<M: Deref<Target = ConnectionPool>>(
        &self,
        guard: &mut CallGuard<M>,
        outgoing: &mut OutgoingCall,
        watch: &CallTrace,
        timer: Pin<&mut Option<Sleep>>,
    ) -> Result<(), CallError> {
        let mut at_once = |cx: &Context<'_>| {
            watch
                .span()
                .in_scope(|| guard.try_submit(outgoing, outgoing.kind.waker(cx)))
        };
        if poll_fn(|cx| Poll::Ready(at_once(cx))).await? {
            return Ok(());
        }
        Box::pin(self.submit_later(guard, outgoing, watch, timer)).await
    }

    async fn submit_later<M: Deref<Target = ConnectionPool>>(
        &self,
        guard: &mut CallGuard<M>,
        outgoing: &mut OutgoingCall,
        watch: &CallTrace,
        timer: Pin<&mut Option<Sleep>>,
    ) -> Result<(), CallError> {
        let submitted = pin!(guard.submit(outgoing));
        watch.within(pin!(within(self.timeout, timer, submitted))).await
    }

    /// Sends a packet again for which nothing was done, within the rest of its timeout, on any
    /// connection that takes calls. Returns the reply.
    async fn ask_again<M: Deref<Target = ConnectionPool>>(
        &self,
        guard: &mut CallGuard<M>,
        outgoing: &mut OutgoingCall,
        watch: &CallTrace,
        timer: Pin<&mut Option<Sleep>>,
        again: Again<impl Fn(&mut OutgoingCall) -> Result<(), CallError>>,
    ) -> Answer {
        let moving = Moving::new(&self.pool, outgoing);
        let answer = {
            let answer = pin!(self.resubmit(guard, moving.outgoing, watch, again));
            watch.within(pin!(within(self.timeout, timer, answer))).await
        };
        moving.end();
        answer
    }

    /// Submits a packet until the call ends other than by being refused or given back. Returns its
    /// end.
    async fn resubmit<M: Deref<Target = ConnectionPool>>(
        &self,
        guard: &mut CallGuard<M>,
        outgoing: &mut OutgoingCall,
        watch: &CallTrace,
        again: Again<impl Fn(&mut OutgoingCall) -> Result<(), CallError>>,
    ) -> Answer {
        let Again { mut returned, fill } = again;
        let mut refusals = 0;
        loop {
            match returned.take() {
                Some(packet) => *outgoing = OutgoingCall::reopened(outgoing.kind, packet),
                None if refusals == RETRIES => return Err(CallError::Stopping),
                None => {
                    refusals += 1;
                    fill(outgoing)?;
                    self.attach(outgoing, watch.span());
                }
            }
            guard.leave_link(CancelReason::Dropped);
            guard.submit(outgoing).await?;
            if outgoing.is_request() {
                watch.identified(|| guard.id());
            }
            match guard.ended().await {
                Ok(End::Value(value)) => return Ok(value),
                Ok(End::Returned(packet)) => returned = Some(packet),
                Err(CallError::Stopping) => {}
                Err(error) => return Err(error),
            }
        }
    }
}

/// Records how a call has ended. Returns `answer`.
fn finish<M: Deref<Target = ConnectionPool>>(
    guard: &mut CallGuard<M>,
    outgoing: &OutgoingCall,
    watch: &mut CallTrace,
    answer: Answer,
) -> Answer {
    guard.learn(!outgoing.is_request(), &answer);
    if let Err(CallError::Timeout(_)) = answer {
        guard.release(CancelReason::TimedOut);
    }
    watch.ended(&answer);
    answer
}

/// The means to send a packet again.
struct Again<F> {
    /// The packet, if it was given back without having been written. `None` if the service refused
    /// it because it is stopping.
    returned: Option<Returned>,
    /// Fills the packet again.
    fill: F,
}
