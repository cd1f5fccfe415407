//! The channel between the handles of a client and the driver of a connection. Does no I/O.
//!
//! Its state is behind one lock, which is held only briefly: no code waits, serialises, parses,
//! logs or wakes a task (which runs foreign code) while it holds the lock.
//!
//! - [`caller`]: the operations of a caller, from its request to its end;
//! - [`pending`]: the calls, and [`outbound`]: their packets that wait to be written;
//! - [`waiter`]: what a caller waits for, and [`values`]: those of a stream;
//! - [`moving`]: packets that move from the channel of a lost connection to another channel;
//! - [`closing`]: the end of the client, of a driver, and of a connection.

pub(in crate::client) mod caller;
pub(in crate::client) mod closing;
#[cfg(all(test, shuttle))]
pub(in crate::client) mod model;
pub(in crate::client) mod moving;
pub(in crate::client) mod outbound;
pub(in crate::client) mod pending;
pub(in crate::client) mod values;
pub(in crate::client) mod waiter;

#[cfg(not(all(test, shuttle)))]
use std::sync::{Mutex, MutexGuard};
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, PoisonError, atomic::AtomicBool},
    task::{Context, Waker},
};

#[cfg(all(test, shuttle))]
use shuttle::sync::{Mutex, MutexGuard};
use tokio::sync::{Notify, Semaphore};

use crate::client::{
    OverloadPolicy,
    channel::{
        outbound::OutboundQueue,
        pending::{PendingCalls, WakeList, call::CallState},
    },
    config::Config,
};

pub(in crate::client) struct RequestChannel {
    state: Mutex<ChannelState>,
    /// A handle acquires a permit for each packet before it queues the packet; the permit is
    /// released when the packet leaves the queue.
    pub(in crate::client) queue_permits: Semaphore,
    /// Notified when the driver has ended.
    ended: Notify,
    /// Starts a driver of this channel.
    start: StartDriver,
    overload: OverloadPolicy,
    /// Maximum number of bytes of a stream's values that wait to be taken.
    max_stream_buffer: usize,
    /// True once a call wants whole packets: most clients never make one.
    pub(in crate::client) keeps_packets: AtomicBool,
}

/// Starts a driver that serves the channel.
pub(in crate::client) type StartDriver = Box<dyn Fn(Arc<RequestChannel>) + Send + Sync>;

/// The state behind the lock. Plain data.
#[derive(Debug)]
pub(in crate::client) struct ChannelState {
    pub(in crate::client) calls: PendingCalls,
    pub(in crate::client) queue: OutboundQueue,
    /// Waker of the driver while it sleeps; the first new work wakes the driver.
    driver_waker: Option<Waker>,
    /// True if there is a driver.
    driver_running: bool,
    /// True if no more calls are accepted.
    pub(in crate::client) is_closing: bool,
    /// True if closing has exceeded its timeout: the driver has to cut its connection.
    pub(in crate::client) is_overdue: bool,
}

impl RequestChannel {
    pub(in crate::client) fn new(config: &Config, start: StartDriver) -> Self {
        Self {
            state: Mutex::new(ChannelState {
                calls: PendingCalls::new(config.compat),
                queue: OutboundQueue::default(),
                driver_waker: None,
                driver_running: false,
                is_closing: false,
                is_overdue: false,
            }),
            queue_permits: Semaphore::new(config.max_queued.get().min(Semaphore::MAX_PERMITS)),
            ended: Notify::new(),
            start,
            overload: config.overload,
            max_stream_buffer: config.max_stream_buffer,
            keeps_packets: AtomicBool::new(false),
        }
    }

    /// Locks the state. Returns the guard even if the lock is poisoned: every change under the lock
    /// is complete before anything can panic.
    pub(in crate::client) fn lock(&self) -> MutexGuard<'_, ChannelState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts a driver for a caller that waits, if the last one has ended with its runtime.
    fn ensure_driver(self: &Arc<Self>, mut state: MutexGuard<'_, ChannelState>) {
        let is_running = std::mem::replace(&mut state.driver_running, true);
        drop(state);
        if !is_running {
            self.start();
        }
    }

    /// Starts a driver. The caller has found out that there is none.
    #[cold]
    pub(in crate::client) fn start(self: &Arc<Self>) {
        (self.start)(Arc::clone(self));
    }
}

impl ChannelState {
    /// Registers the waker of `cx`, which is woken by new work.
    pub(in crate::client) fn watch(&mut self, cx: &Context<'_>) {
        if !self
            .driver_waker
            .as_ref()
            .is_some_and(|known| known.will_wake(cx.waker()))
        {
            self.driver_waker = Some(cx.waker().clone());
        }
    }

    /// Ends the calls that waited only for a connection, which is established now. Returns true if
    /// packets wait to be written.
    pub(in crate::client) fn linked(&mut self, woken: &mut WakeList) -> bool {
        if self.calls.count(CallState::AwaitingConnection) > 0 {
            self.calls.end_awaiting_connection(&Ok(None), woken);
        }
        self.queued() > 0
    }

    /// Returns true if a connection is needed now.
    pub(in crate::client) fn wants_link(&self) -> bool {
        self.queued() > 0 || self.calls.count(CallState::AwaitingConnection) > 0
    }

    /// Returns true if a written request awaits its reply, or a written event is not completely
    /// sent.
    pub(in crate::client) fn is_owed(&self) -> bool {
        self.calls.count(CallState::AwaitingReply) + self.calls.count(CallState::Flushing) > 0
    }

    /// Returns true if the channel is closing and nothing is left to do, except perhaps to send
    /// written events.
    pub(in crate::client) fn is_drained(&self) -> bool {
        self.is_closing && !self.wants_link() && self.calls.count(CallState::AwaitingReply) == 0
    }

    /// Returns the number of waiting packets that are still wanted.
    fn queued(&self) -> usize {
        self.calls.count(CallState::Queued) + self.calls.count(CallState::QueuedEvent)
    }
}

/// Releases the lock, and wakes the driver if it sleeps and `has_work`.
fn wake_driver(mut state: MutexGuard<'_, ChannelState>, has_work: bool) {
    let driver_waker = state.driver_waker.take_if(|_| has_work);
    drop(state);
    driver_waker.into_iter().for_each(Waker::wake);
}

/// Wakes all wakers: a waker that panics does not keep the others from being woken.
pub(in crate::client) fn wake(mut woken: impl Iterator<Item = Waker>) {
    while catch_unwind(AssertUnwindSafe(|| woken.by_ref().for_each(Waker::wake))).is_err() {}
}
