//! The task that changes the list of a client's connections: discovers hosts, and replaces
//! connections that are too old.
//!
//! The first call starts it. If it has ended with its runtime, the next call or a call that waits
//! starts another one. It keeps neither the client nor its connections alive.

pub(in crate::client) mod ages;
pub(in crate::client) mod discovery;
pub(in crate::client) mod inquiry;

use std::{
    future::pending,
    sync::{
        Arc, Weak,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};

use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::client::{
    config::Config,
    pool::{
        keeper::{ages::Ages, discovery::Discovery, inquiry::Inquiry},
        members::Members,
    },
    state::publisher::StatePublisher,
};

/// Starts the task, and ends it.
pub(in crate::client) struct Keeper {
    discovery: Option<Arc<Discovery>>,
    config: Arc<Config>,
    publisher: Arc<StatePublisher>,
    is_running: Arc<AtomicBool>,
    stopping: CancellationToken,
}

impl Keeper {
    pub(in crate::client) fn new(
        discovery: Option<Discovery>,
        config: &Arc<Config>,
        publisher: &Arc<StatePublisher>,
    ) -> Self {
        Self {
            discovery: discovery.map(Arc::new),
            config: Arc::clone(config),
            publisher: Arc::clone(publisher),
            is_running: Arc::default(),
            stopping: CancellationToken::new(),
        }
    }

    /// Starts the task unless it is running or the client is closed.
    #[inline]
    pub(in crate::client) fn ensure(&self, members: &Arc<Members>) {
        if !self.is_running.load(Relaxed) {
            self.start(members);
        }
    }

    #[cold]
    fn start(&self, members: &Arc<Members>) {
        if self.stopping.is_cancelled() || self.is_running.swap(true, Relaxed) {
            return;
        }
        // Outside of a runtime the start panics, and the drop of this marks the task as ended.
        let running = Running {
            is_running: Arc::clone(&self.is_running),
            members: Arc::downgrade(members),
        };
        let inquiry = self
            .discovery
            .as_ref()
            .map(|discovery| Inquiry::new(discovery, &self.config, &self.publisher));
        let rounds = Rounds {
            ages: Ages::new(self.config.age()),
            inquiry,
            publisher: Arc::clone(&self.publisher),
            running,
        };
        let stopping = self.stopping.clone();
        tokio::spawn(async move {
            stopping.run_until_cancelled(rounds.run()).await;
        });
    }

    /// Ends the task for good.
    pub(in crate::client) fn stop(&self) {
        self.stopping.cancel();
    }
}

/// Marks the task as ended when it is dropped, and wakes the callers that wait: one of them starts
/// another task.
struct Running {
    is_running: Arc<AtomicBool>,
    members: Weak<Members>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.is_running.store(false, Relaxed);
        if let Some(members) = self.members.upgrade() {
            members.changed(None);
        }
    }
}

/// The work of the task.
struct Rounds {
    ages: Ages,
    inquiry: Option<Inquiry>,
    publisher: Arc<StatePublisher>,
    running: Running,
}

impl Rounds {
    async fn run(mut self) {
        if let Some(members) = self.running.members.upgrade() {
            members.start_all();
        }
        loop {
            let Some(members) = self.running.members.upgrade() else {
                return;
            };
            if let Some(inquiry) = &mut self.inquiry {
                inquiry.tend(&members);
            }
            let next = self.ages.tend(&members);
            drop(members);
            tokio::select! {
                () = self.publisher.changed.notified() => {}
                () = until(next) => {}
                answer = answer(&mut self.inquiry) => {
                    if let (Some(inquiry), Some(members)) = (&mut self.inquiry, self.running.members.upgrade()) {
                        inquiry.take(answer, &members);
                    }
                }
            }
        }
    }
}

async fn until(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => pending().await,
    }
}

async fn answer(inquiry: &mut Option<Inquiry>) -> discovery::Answer {
    match inquiry {
        Some(inquiry) => inquiry.answer().await,
        None => pending().await,
    }
}
