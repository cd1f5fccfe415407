//! One connection of a pool, as handles use it: its channel, and how to start the task that drives
//! it.

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
    /// Starts the task that owns the connection.
    start: Box<dyn Fn(RequestReceiver) + Send + Sync>,
    pub(in crate::client) channel: Arc<RequestChannel>,
    pub(in crate::client) reporter: StateReporter,
    /// How many calls are under way; counted only where connections compete for them.
    pub(in crate::client) load: AtomicUsize,
}

impl Refused {
    /// # Errors
    /// The caller is not to wait.
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

    /// Puts a packet in the channel, if there is room for it now. What comes of it wakes `waker`.
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

    /// Puts a packet in the channel, when there is room for it. What comes of it wakes the task
    /// that polls this, unless it is a stream: who will look at that is not yet known.
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

    /// Waits for a slot. While there is no task to make room, its runtime being gone, this starts
    /// one.
    async fn slot(&self, config: &Config) -> Result<SemaphorePermit<'_>, CallError> {
        loop {
            let mut ended = pin!(self.channel.ended());
            ended.as_mut().enable();
            self.start_if(self.channel.attend(), config);
            tokio::select! {
                biased;
                // There is none to be had of a client that is closed.
                slot = self.channel.queue_permits.acquire() => return slot.map_err(|_| CallError::Closed),
                () = ended => {}
            }
        }
    }

    /// Asks for a connection; `None` if the client is closed.
    pub(in crate::client) fn connect(&self) -> Option<Submitted> {
        self.channel.connect()
    }

    /// Starts the task, if this is the first that it has to do.
    pub(in crate::client) fn start_if(&self, is_first: bool, config: &Config) {
        if is_first {
            (self.start)(RequestReceiver::new(Arc::clone(&self.channel), config.drain_timeout));
        }
    }

    /// Lets nothing more in; ready when what was under way has ended, or when it has taken longer
    /// than `drain_timeout`: the time is the caller's own, since the task may be one that nobody
    /// drives.
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

/// How long a task that is driven may take to drop a connection that it has to cut.
const GRACE: Duration = Duration::from_millis(100);

/// The last handle is gone. What is under way is finished, for a while.
impl Drop for PooledConnection {
    fn drop(&mut self) {
        self.channel.close();
    }
}
