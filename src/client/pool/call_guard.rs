//! A call in flight, owned by its caller.

use std::{
    future::{Future, poll_fn},
    ops::Deref,
    sync::{Arc, atomic::Ordering::Relaxed},
    task::{Context, Poll, Waker, ready},
};

use tokio::sync::OwnedSemaphorePermit;

use crate::{
    client::{
        CallError,
        call::{deadline::Silence, outgoing::OutgoingCall},
        channel::{
            RequestChannel,
            caller::Submitted,
            pending::{CancelReason, call::CallKey},
            waiter::{End, Returned},
        },
        error::Answer,
        pool::{ConnectionPool, choice::Chosen, connection::PooledConnection},
    },
    packet::CallId,
};

/// What a stream yields next.
pub(in crate::client) enum NextItem {
    /// A value, or the end, which is `None`.
    Item(Option<Answer>),
    /// The packet, which was not written before its connection was lost.
    Returned(Returned),
}

/// Cancels a call when its caller drops it, at whatever moment: the key is set as soon as the
/// packet is in the channel.
pub(in crate::client) struct CallGuard<M: Deref<Target = ConnectionPool>> {
    pool: M,
    /// The connection that the call has taken. `None` stands for the only one of the client.
    link: Option<Arc<PooledConnection>>,
    key: Option<CallKey>,
    is_event: bool,
    is_counted: bool,
    /// True if the end of the call shows whether an ejected host is healthy again.
    is_probe: bool,
    /// Permit of a request in flight, released when the guard is dropped.
    place: Option<OwnedSemaphorePermit>,
}

impl<M: Deref<Target = ConnectionPool>> CallGuard<M> {
    pub(in crate::client) fn new(pool: M) -> Self {
        Self {
            pool,
            link: None,
            key: None,
            is_event: false,
            is_counted: false,
            is_probe: false,
            place: None,
        }
    }

    /// Submits a packet if this needs no waiting, that is, if an in-flight permit, a connection and
    /// a permit of its queue are available. Progress of the call wakes `waker`. Returns true if the
    /// packet is submitted; otherwise no permit stays acquired.
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
        match self.channel().submit(outgoing, waker, None) {
            Ok(Some(submitted)) => self.submitted(outgoing, &submitted),
            Ok(None) => self.release(CancelReason::Dropped),
            Err(CallError::Closed) if self.is_retired() => self.release(CancelReason::Dropped),
            Err(error) => return Err(error),
        }
        Ok(self.key.is_some())
    }

    /// Returns true if the taken connection has left the list of connections, which happened after
    /// it was chosen.
    #[cold]
    fn is_retired(&self) -> bool {
        self.link.as_ref().is_some_and(|link| link.reporter.is_retired())
    }

    /// Submits a packet as soon as an in-flight permit, a connection and a permit of its queue are
    /// available.
    pub(in crate::client) async fn submit(&mut self, outgoing: &mut OutgoingCall) -> Result<(), CallError> {
        if outgoing.is_request() && self.place.is_none() {
            self.place = self.pool.place().await?;
        }
        loop {
            let chosen = match self.pool.ready(outgoing.is_request()) {
                Some(chosen) => chosen,
                None => self.pool.first_ready().await?,
            };
            self.take(chosen);
            match self.channel().submit_later(outgoing).await {
                Ok(submitted) => {
                    self.submitted(outgoing, &submitted);
                    return Ok(());
                }
                Err(CallError::Closed) if self.is_retired() => self.leave_link(CancelReason::Dropped),
                Err(error) => return Err(error),
            }
        }
    }

    /// Takes the chosen connection. Its load grows if connections compete for calls.
    #[inline]
    fn take(&mut self, chosen: Chosen) {
        (self.link, self.is_probe) = (chosen.link, chosen.is_probe);
        self.is_counted = self.pool.has_choice();
        if self.is_counted {
            self.pooled().load.fetch_add(1, Relaxed);
        }
    }

    fn submitted(&mut self, outgoing: &mut OutgoingCall, submitted: &Submitted) {
        self.is_event = !outgoing.is_request();
        // The caller still waits, while other calls can use the memory now. An empty draft also
        // shows that its packet is in a queue, even if starting the driver panics.
        outgoing.draft.retire();
        self.own(submitted);
        if let Some(link) = &self.link {
            self.pool.recheck(link);
        }
    }

    /// Takes over a submitted call, and starts the driver if there is none. Outside of a runtime
    /// the start panics, and the drop of this guard then cancels the call.
    fn own(&mut self, submitted: &Submitted) {
        self.key = Some(submitted.key);
        if submitted.is_first {
            self.channel().start();
        }
    }

    /// Records the end of the call, or one of its values, for the health of the host.
    #[inline]
    pub(in crate::client) fn learn(&mut self, is_event: bool, answer: &Answer) {
        if let Some(link) = &self.link
            && let Some(health) = self.pool.health()
            && self.is_counted
        {
            // This may run code of the user. If that panics, the probe ends with this guard.
            health.learn(link.place.host, is_event, self.is_probe, answer);
            self.is_probe = false;
        }
    }

    /// Returns the id of a request that has been submitted and has not ended.
    pub(in crate::client) fn id(&self) -> Option<CallId> {
        self.key.map(|key| self.channel().id(key))
    }

    /// Requests this connection, or the only one, and waits until it is established.
    pub(in crate::client) async fn connect(&mut self, link: Option<Arc<PooledConnection>>) -> Result<(), CallError> {
        self.link = link;
        let submitted = self.channel().connect()?;
        self.own(&submitted);
        match poll_fn(|cx| self.poll_end(cx)).await {
            // This call has no packet that could be handed back.
            Ok(End::Value(_) | End::Returned(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Returns a future that waits for the end of the call. Its first poll registers no waker: the
    /// call was submitted in the same poll of the task, so the channel has the waker already.
    pub(in crate::client) fn ended(&mut self) -> impl Future<Output = Result<End, CallError>> {
        let mut is_known = true;
        poll_fn(move |cx| match std::mem::take(&mut is_known) {
            true => Poll::Pending,
            false => self.poll_end(cx),
        })
    }

    /// Polls a stream. Returns its next value, its end, or its packet. `silence` limits the time
    /// that the service may take.
    pub(in crate::client) fn poll_next(&mut self, silence: &mut Silence, cx: &mut Context<'_>) -> Poll<NextItem> {
        let Some(key) = self.key else {
            return Poll::Ready(NextItem::Item(None));
        };
        if let Poll::Ready(next) = self.channel().poll_next(key, cx) {
            return Poll::Ready(NextItem::Item(next));
        }
        match self.take_returned(key) {
            Some(returned) => Poll::Ready(NextItem::Returned(returned)),
            None => self.poll_silence(key, silence, cx).map(NextItem::Item),
        }
    }

    /// Returns true if the reply to a stream has ended well and its values have been taken.
    pub(in crate::client) fn is_complete(&self) -> bool {
        self.key.is_some_and(|key| self.channel().is_complete(key))
    }

    fn take_returned(&mut self, key: CallKey) -> Option<Returned> {
        if !self.pool.has_choice() {
            return None;
        }
        let returned = self.channel().take_returned(key)?;
        self.key = None;
        Some(returned)
    }

    fn poll_silence(&self, key: CallKey, silence: &mut Silence, cx: &mut Context<'_>) -> Poll<Option<Answer>> {
        match self.channel().since(key) {
            Some(since) => silence.poll(since, cx).map(|error| Some(Err(error))),
            None => Poll::Pending,
        }
    }

    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<Result<End, CallError>> {
        let key = self.key.expect("it has been submitted");
        let end = ready!(self.channel().poll_end(key, cx));
        self.key = None;
        Poll::Ready(end)
    }

    /// Cancels the call, and releases its connection and its permit.
    pub(in crate::client) fn release(&mut self, because: CancelReason) {
        self.leave_link(because);
        self.place = None;
    }

    /// Removes the call from its connection. The call keeps its in-flight permit.
    #[inline]
    pub(in crate::client) fn leave_link(&mut self, because: CancelReason) {
        if std::mem::take(&mut self.is_counted) {
            self.pooled().load.fetch_sub(1, Relaxed);
        }
        if std::mem::take(&mut self.is_probe)
            && let (Some(link), Some(health)) = (&self.link, self.pool.health())
        {
            health.probe_dropped(link.place.host);
        }
        if let Some(key) = self.key.take()
            && let Some(packet) = self.channel().cancel(key, because)
            && self.is_event
            && because == CancelReason::Dropped
        {
            self.pool.publisher.adopt(packet);
        }
    }

    fn pooled(&self) -> &PooledConnection {
        match &self.link {
            Some(link) => link,
            None => self.pool.only(),
        }
    }

    fn channel(&self) -> &Arc<RequestChannel> {
        &self.pooled().channel
    }
}

impl<M: Deref<Target = ConnectionPool>> Drop for CallGuard<M> {
    fn drop(&mut self) {
        self.release(CancelReason::Dropped);
    }
}
