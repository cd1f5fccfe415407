//! One connection of a pool, as handles use it: its channel, and the function that starts its
//! driver.

use std::{
    future::poll_fn,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    task::{Poll, Waker},
    time::Duration,
};

use tokio::sync::SemaphorePermit;

use crate::client::{
    CallError, ConnectionState, DisconnectReason, OverloadPolicy,
    call::{deadline::within, outgoing::OutgoingCall},
    channel::{Refused, RequestChannel, Submitted},
    config::Config,
    driver::receiver::RequestReceiver,
    state::StateReporter,
};

pub(in crate::client) struct PooledConnection {
    /// Starts the driver of the connection.
    start: Box<dyn Fn(RequestReceiver) + Send + Sync>,
    pub(in crate::client) channel: Arc<RequestChannel>,
    pub(in crate::client) reporter: StateReporter,
    /// Number of calls in flight; counted only where connections compete for calls.
    pub(in crate::client) load: AtomicUsize,
}

impl Refused {
    /// Returns `Ok` if the caller has to wait for a permit.
    ///
    /// # Errors
    /// The client is closed, or the caller must not wait because of the overload policy.
    fn meaning(self, config: &Config) -> Result<(), CallError> {
        match (self, config.overload) {
            (Self::Closed, _) => Err(CallError::Closed),
            (Self::Full, OverloadPolicy::Fail) => Err(CallError::Overloaded),
            (Self::Full, OverloadPolicy::Wait) => Ok(()),
        }
    }
}

impl PooledConnection {
    pub(in crate::client) fn new(
        start: Box<dyn Fn(RequestReceiver) + Send + Sync>,
        config: &Config,
        reporter: StateReporter,
    ) -> Self {
        Self {
            start,
            channel: Arc::new(RequestChannel::new(
                config.max_queued,
                config.max_stream_buffer,
                config.compat,
            )),
            reporter,
            load: AtomicUsize::new(0),
        }
    }

    pub(in crate::client) fn load(&self) -> usize {
        self.load.load(Relaxed)
    }

    /// Queues a packet if a permit is available now; progress of the call wakes `waker`. Returns
    /// `None` if the caller has to wait for a permit.
    #[inline]
    pub(in crate::client) fn try_submit(
        &self,
        outgoing: &mut OutgoingCall,
        waker: Option<Waker>,
        config: &Config,
    ) -> Result<Option<Submitted>, CallError> {
        match self.channel.submit(outgoing, waker, None) {
            Ok(submitted) => Ok(Some(submitted)),
            Err(refused) => refused.meaning(config).map(|()| None),
        }
    }

    /// Queues a packet as soon as a permit is available. Progress of the call wakes the task that
    /// polls this, unless the call is a stream: the task that will poll the stream is not known
    /// yet. Returns the accepted call.
    pub(in crate::client) async fn submit(
        &self,
        outgoing: &mut OutgoingCall,
        config: &Config,
    ) -> Result<Submitted, CallError> {
        let mut slot = None;
        loop {
            let waker = poll_fn(|cx| Poll::Ready(outgoing.kind.waker(cx))).await;
            match self.channel.submit(outgoing, waker, slot.take()) {
                Ok(submitted) => return Ok(submitted),
                Err(refused) => refused.meaning(config)?,
            }
            slot = Some(self.slot(config).await?);
        }
    }

    /// Waits for a permit. Starts a driver if the last one has ended with its runtime, since only a
    /// driver releases permits. Returns the permit.
    async fn slot(&self, config: &Config) -> Result<SemaphorePermit<'_>, CallError> {
        loop {
            let mut ended = pin!(self.channel.ended());
            ended.as_mut().enable();
            self.start_if(self.channel.attend(), config);
            tokio::select! {
                biased;
                // The semaphore is closed once the client is closed.
                slot = self.channel.queue_permits.acquire() => return slot.map_err(|_| CallError::Closed),
                () = ended => {}
            }
        }
    }

    /// Requests a connection. Returns `None` if the client is closed.
    pub(in crate::client) fn connect(&self) -> Option<Submitted> {
        self.channel.connect()
    }

    /// Starts the driver if `is_first`, that is, if there is none.
    pub(in crate::client) fn start_if(&self, is_first: bool, config: &Config) {
        if is_first {
            (self.start)(RequestReceiver::new(Arc::clone(&self.channel), config.drain_timeout));
        }
    }

    /// Rejects further calls, and waits until the calls in flight have ended, for `drain_timeout`
    /// at most. The caller's own timer limits the time, since the driver may be in a runtime that
    /// is not running.
    pub(in crate::client) async fn close(&self, drain_timeout: Duration) {
        if self.channel.close() {
            self.reporter
                .post(ConnectionState::Disconnected(DisconnectReason::Closed));
        }
        if self.left_within(drain_timeout).await.is_err() {
            self.channel.cut();
            if self.left_within(GRACE).await.is_err() {
                self.reporter
                    .post(ConnectionState::Disconnected(DisconnectReason::Closed));
            }
        }
    }

    async fn left_within(&self, timeout: Duration) -> Result<(), CallError> {
        let left = pin!(async {
            self.channel.driver_stopped().await;
            Ok(())
        });
        within(timeout, pin!(None), left).await
    }
}

/// Maximum time that a running driver may take to drop a connection that it has to cut.
const GRACE: Duration = Duration::from_millis(100);

/// The last handle is dropped. The driver finishes the calls in flight until the drain timeout
/// expires.
impl Drop for PooledConnection {
    fn drop(&mut self) {
        self.channel.close();
    }
}
