//! A call under way, in the hands of its caller.

use std::{
    future::{Future, poll_fn},
    ops::Deref,
    sync::atomic::Ordering::Relaxed,
    task::{Context, Poll, Waker},
};

use tokio::sync::OwnedSemaphorePermit;

use crate::{
    client::{
        CallError,
        call::{deadline::Silence, outgoing::OutgoingCall},
        channel::{
            End, Progress, Submitted,
            answer::Answer,
            call_key::CallKey,
            pending::{CancelReason, Returned},
        },
        pool::{Chosen, ConnectionPool, slot::PooledConnection},
    },
    packet::CallId,
};

/// What a stream comes to next.
pub(in crate::client) enum NextItem {
    /// A value, or the end, which is `None`.
    Item(Option<Answer>),
    /// Its connection was lost before its packet was written.
    Returned(Returned),
}

/// Takes a call off its connection when its caller no longer waits, whenever that is: there is a
/// key from the moment on when the packet is in the channel.
pub(in crate::client) struct CallGuard<M: Deref<Target = ConnectionPool>> {
    pool: M,
    link: usize,
    key: Option<CallKey>,
    is_event: bool,
    is_counted: bool,
    /// True if the end of the call shows whether the host is well again.
    is_probe: bool,
    /// Given back when this is dropped.
    place: Option<OwnedSemaphorePermit>,
}

impl<M: Deref<Target = ConnectionPool>> CallGuard<M> {
    pub(in crate::client) fn new(pool: M) -> Self {
        Self {
            pool,
            link: 0,
            key: None,
            is_event: false,
            is_counted: false,
            is_probe: false,
            place: None,
        }
    }

    /// Submits a packet at once, if that needs no waiting: if a place, a connection and a slot are
    /// to be had. Returns false if it does; nothing has been taken then. `waker` is woken by what
    /// comes of it.
    #[inline]
    pub(in crate::client) fn try_submit(
        &mut self,
        outgoing: &mut OutgoingCall,
        waker: Option<Waker>,
    ) -> Result<bool, CallError> {
        if outgoing.is_request() {
            match self.pool.try_place()? {
                Some(place) => self.place = place,
                None => return Ok(false),
            }
        }
        let Some(chosen) = self.pool.ready(outgoing.is_request()) else {
            self.place = None;
            return Ok(false);
        };
        self.take(chosen);
        match self.pooled().try_submit(outgoing, waker, &self.pool.config)? {
            Some(submitted) => self.submitted(outgoing, &submitted),
            None => self.release(CancelReason::Dropped),
        }
        Ok(self.key.is_some())
    }

    /// Submits a packet when there are a place, a connection and a slot for it.
    pub(in crate::client) async fn submit(&mut self, outgoing: &mut OutgoingCall) -> Result<(), CallError> {
        if outgoing.is_request() && self.place.is_none() {
            self.place = self.pool.place().await?;
        }
        let chosen = match self.pool.ready(outgoing.is_request()) {
            Some(chosen) => chosen,
            None => self.pool.first_ready().await?,
        };
        self.take(chosen);
        let submitted = self.pooled().submit(outgoing, &self.pool.config).await?;
        self.submitted(outgoing, &submitted);
        Ok(())
    }

    /// Takes one of the connections. Where connections compete for calls, it is busier now.
    #[inline]
    fn take(&mut self, chosen: Chosen) {
        (self.link, self.is_probe) = (chosen.link, chosen.is_probe);
        self.is_counted = self.pool.has_choice();
        if self.is_counted {
            self.pooled().load.fetch_add(1, Relaxed);
        }
    }

    fn submitted(&mut self, outgoing: &mut OutgoingCall, submitted: &Submitted) {
        self.key = Some(submitted.key);
        self.is_event = !outgoing.is_request();
        // The caller waits on; others need the memory now.
        outgoing.draft.retire();
        self.pooled().start_if(submitted.is_first, &self.pool.config);
        self.pool.recheck(self.link);
    }

    /// Learns from the end of the call, or from a value of it, how the host of its connection is.
    #[inline]
    pub(in crate::client) fn learn(&mut self, is_event: bool, answer: &Answer) {
        if let Some(health) = &self.pool.health
            && self.is_counted
        {
            // It may run code of the user's. Should that panic, the probe ends with this guard.
            health.learn(self.link, is_event, self.is_probe, answer);
            self.is_probe = false;
        }
    }

    /// Returns the id of a request that has been submitted and not ended.
    pub(in crate::client) fn id(&self) -> Option<CallId> {
        self.key.map(|key| self.pooled().channel.id(key))
    }

    /// Asks for this connection and waits until it is there.
    pub(in crate::client) async fn connect(&mut self, link: usize) -> Result<(), CallError> {
        self.link = link;
        let link = self.pool.link(link);
        let submitted = link.connect().ok_or(CallError::Closed)?;
        self.key = Some(submitted.key);
        link.start_if(submitted.is_first, &self.pool.config);
        match poll_fn(|cx| self.poll_end(cx)).await {
            // It has no packet that could be returned.
            Ok(End::Value(_) | End::Returned(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// How the call ends. It has been submitted in this very poll of the task, which is then known
    /// to the channel.
    pub(in crate::client) fn ended(&mut self) -> impl Future<Output = Result<End, CallError>> {
        let mut is_known = true;
        poll_fn(move |cx| match std::mem::take(&mut is_known) {
            true => Poll::Pending,
            false => self.poll_end(cx),
        })
    }

    /// Returns the next value of a stream, or its end, or its packet; `silence` bounds how long the
    /// service may take for it.
    pub(in crate::client) fn poll_next(&mut self, silence: &mut Silence, cx: &mut Context<'_>) -> Poll<NextItem> {
        let Some(key) = self.key else {
            return Poll::Ready(NextItem::Item(None));
        };
        match self.pooled().channel.poll_next(key, cx) {
            Progress::Ready(next) => return Poll::Ready(NextItem::Item(next)),
            Progress::Pending => {}
            Progress::Unattended => self.start(),
        }
        match self.take_returned(key) {
            Some(returned) => Poll::Ready(NextItem::Returned(returned)),
            None => self.poll_silence(key, silence, cx).map(NextItem::Item),
        }
    }

    fn take_returned(&mut self, key: CallKey) -> Option<Returned> {
        if !self.pool.has_choice() {
            return None;
        }
        let returned = self.pooled().channel.take_returned(key)?;
        self.key = None;
        Some(returned)
    }

    fn poll_silence(&self, key: CallKey, silence: &mut Silence, cx: &mut Context<'_>) -> Poll<Option<Answer>> {
        match self.pooled().channel.since(key) {
            Some(since) => silence.poll(since, cx).map(|error| Some(Err(error))),
            None => Poll::Pending,
        }
    }

    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<Result<End, CallError>> {
        let key = self.key.expect("it has been submitted");
        match self.pooled().channel.poll_end(key, cx) {
            Progress::Ready(end) => {
                self.key = None;
                Poll::Ready(end)
            }
            Progress::Pending => Poll::Pending,
            Progress::Unattended => {
                self.start();
                Poll::Pending
            }
        }
    }

    /// Starts a task for the connection, whose last one went with its runtime.
    #[cold]
    fn start(&self) {
        self.pooled().start_if(true, &self.pool.config);
    }

    /// Ends the call, and gives back what it has taken.
    pub(in crate::client) fn release(&mut self, because: CancelReason) {
        self.leave_link(because);
        self.place = None;
    }

    /// Takes the call off its connection. It keeps its place among the requests under way.
    #[inline]
    pub(in crate::client) fn leave_link(&mut self, because: CancelReason) {
        if std::mem::take(&mut self.is_counted) {
            self.pooled().load.fetch_sub(1, Relaxed);
        }
        if std::mem::take(&mut self.is_probe)
            && let Some(health) = &self.pool.health
        {
            health.probe_dropped(self.link);
        }
        if let Some(key) = self.key.take()
            && let Some(packet) = self.pooled().channel.cancel(key, because)
            && self.is_event
            && because == CancelReason::Dropped
        {
            self.pool.publisher.adopt(packet);
        }
    }

    fn pooled(&self) -> &PooledConnection {
        self.pool.link(self.link)
    }
}

impl<M: Deref<Target = ConnectionPool>> Drop for CallGuard<M> {
    fn drop(&mut self) {
        self.release(CancelReason::Dropped);
    }
}
