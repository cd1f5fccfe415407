//! One link of a client as its handles see it: its desk, and how to start the task that attends to that.

use std::{
    future::poll_fn,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    task::Poll,
};

use super::{
    CallError, Config, Disconnected, State, WhenFull,
    clerk::Clerk,
    desk::{Desk, Refused, Submitted},
    errand::{Errand, Kind},
    limit::Limit,
    state::Notice,
};

pub(super) struct Member {
    /// Starts the task that owns the link.
    start: Box<dyn Fn(Clerk) + Send + Sync>,
    pub(super) desk: Arc<Desk>,
    pub(super) notice: Notice,
    /// How many calls are under way; counted only where links compete for them.
    pub(super) load: AtomicUsize,
}

impl Member {
    pub(super) fn new(start: Box<dyn Fn(Clerk) + Send + Sync>, config: &Config, notice: Notice) -> Self {
        Self {
            start,
            desk: Arc::new(Desk::new(config.max_queued, config.compat)),
            notice,
            load: AtomicUsize::new(0),
        }
    }

    pub(super) fn load(&self) -> usize {
        self.load.load(Relaxed)
    }

    /// Puts a packet on the desk, when there is room for it. What comes of it wakes the task that polls this, unless it is a
    /// stream: who will look at that is not yet known.
    pub(super) async fn submit(&self, errand: &mut Errand, config: &Config) -> Result<Submitted, CallError> {
        let mut slot = None;
        loop {
            let waker = match errand.kind {
                Kind::Stream => None,
                Kind::Request | Kind::Event => Some(poll_fn(|cx| Poll::Ready(cx.waker().clone())).await),
            };
            match self.desk.submit(errand, waker, slot.take()) {
                Ok(submitted) => return Ok(submitted),
                Err(Refused::Closed) => return Err(CallError::Closed),
                Err(Refused::Full) if config.when_full == WhenFull::Fail => return Err(CallError::Overloaded),
                Err(Refused::Full) => {}
            }
            // There is none to be had of a client that is closed.
            let waited = Box::pin(errand.limit.keep(self.desk.slots.acquire())).await?;
            slot = Some(waited.map_err(|_| CallError::Closed)?);
        }
    }

    /// Asks for a link; `None` if the client is closed.
    pub(super) fn connect(&self, limit: Limit) -> Option<Submitted> {
        self.desk.connect(limit)
    }

    /// Starts the task, if this is the first that it has to do.
    pub(super) fn start_if(&self, is_first: bool, config: &Config) {
        if is_first {
            (self.start)(Clerk::new(Arc::clone(&self.desk), config.drain_timeout));
        }
    }

    /// Lets nothing more in; ready when what was under way has ended.
    pub(super) async fn close(&self) {
        if self.desk.close() {
            self.notice.post(State::Disconnected(Disconnected::Closed));
        }
        self.desk.is_left().await;
    }
}

/// The last handle is gone. What is under way is finished, for a while.
impl Drop for Member {
    fn drop(&mut self) {
        self.desk.close();
    }
}
