//! One link of a client as its handles see it: how to start the task that owns it, and how to reach that.

use std::sync::{
    Mutex, MutexGuard, PoisonError,
    atomic::{AtomicUsize, Ordering::Relaxed},
};

use tokio::sync::{SemaphorePermit, oneshot};

use super::{
    CallError, Config, Disconnected, WhenFull,
    command::{Command, Outgoing},
    desk::{Desk, Entrance},
    state::Notice,
    waiting::{Limit, Waiting},
};
use crate::packet::CallId;

pub(super) struct Member {
    /// Starts the task that owns the link.
    start: Box<dyn Fn(Desk) + Send + Sync>,
    task: Mutex<Task>,
    pub(super) notice: Notice,
    /// How many calls are under way; counted only where links compete for them.
    pub(super) load: AtomicUsize,
}

enum Task {
    NotYet,
    Running(Entrance),
    /// By the user; the entrance tells when the task has ended.
    Closed(Option<Entrance>),
}

/// What became of a packet.
enum Handed {
    Over,
    /// There is no room for it: whom to ask for some.
    Back(Box<Outgoing>, Entrance),
    /// There never will be.
    Closed,
}

impl Member {
    pub(super) fn new(start: Box<dyn Fn(Desk) + Send + Sync>, notice: Notice) -> Self {
        Self {
            start,
            task: Mutex::new(Task::NotYet),
            notice,
            load: AtomicUsize::new(0),
        }
    }

    pub(super) fn load(&self) -> usize {
        self.load.load(Relaxed)
    }

    /// Hands a packet over, when there is room for it.
    pub(super) async fn submit(&self, packet: Box<Outgoing>, config: &Config) -> Result<(), CallError> {
        let limit = packet.waiting.limit;
        let mut handed = self.try_submit(packet, config);
        loop {
            let (packet, entrance) = match handed {
                Handed::Over => return Ok(()),
                Handed::Closed => return Err(CallError::Closed),
                Handed::Back(..) if config.when_full == WhenFull::Fail => return Err(CallError::Overloaded),
                Handed::Back(packet, entrance) => (packet, entrance),
            };
            // There is no slot to be had of a task that has ended.
            handed = match limit.keep(entrance.slots.acquire()).await? {
                Ok(slot) => self.submit_to(&entrance, slot, packet),
                Err(_) => self.try_submit(packet, config),
            };
        }
    }

    fn try_submit(&self, packet: Box<Outgoing>, config: &Config) -> Handed {
        let mut task = self.lock();
        let Some(entrance) = self.entrance(&mut task, config) else {
            return Handed::Closed;
        };
        match entrance.slots.try_acquire() {
            Ok(slot) => Self::send(entrance, slot, packet),
            Err(_) => Handed::Back(packet, entrance.clone()),
        }
    }

    /// As [`try_submit`](Self::try_submit), once there is a slot.
    fn submit_to(&self, entrance: &Entrance, slot: SemaphorePermit<'_>, packet: Box<Outgoing>) -> Handed {
        match &*self.lock() {
            Task::Closed(_) => Handed::Closed,
            Task::NotYet | Task::Running(_) => Self::send(entrance, slot, packet),
        }
    }

    /// It fails only if the task ends at this moment, and then the caller learns that from its own channel.
    fn send(entrance: &Entrance, slot: SemaphorePermit<'_>, packet: Box<Outgoing>) -> Handed {
        slot.forget();
        let _ = entrance.commands.send(Command::Send(packet));
        Handed::Over
    }

    /// Asks for a link, and tells when there is one.
    pub(super) fn connect(
        &self,
        config: &Config,
        limit: Limit,
    ) -> Result<oneshot::Receiver<Result<(), CallError>>, CallError> {
        let (waiting, connected) = Waiting::until_done(limit);
        let mut task = self.lock();
        let entrance = self.entrance(&mut task, config).ok_or(CallError::Closed)?;
        let _ = entrance.commands.send(Command::Connect(waiting));
        Ok(connected)
    }

    /// Tells the task, if it still runs, that a caller has given up.
    pub(super) fn forget(&self, id: CallId) {
        if let Task::Running(entrance) | Task::Closed(Some(entrance)) = &*self.lock() {
            let _ = entrance.commands.send(Command::Forget(id));
        }
    }

    /// Lets nothing more in; ready when what was under way has ended.
    pub(super) async fn close(&self) {
        let entrance = {
            let mut task = self.lock();
            let entrance = match &*task {
                Task::NotYet => None,
                Task::Running(entrance) => {
                    let _ = entrance.commands.send(Command::Close);
                    Some(entrance.clone())
                }
                Task::Closed(entrance) => entrance.clone(),
            };
            if let Task::NotYet = *task {
                self.notice.post(super::State::Disconnected(Disconnected::Closed));
            }
            *task = Task::Closed(entrance.clone());
            entrance
        };
        if let Some(entrance) = entrance {
            entrance.commands.closed().await;
        }
    }

    /// How to reach the task, starting it if need be; `None` if the client is closed.
    fn entrance<'a>(&self, task: &'a mut Task, config: &Config) -> Option<&'a Entrance> {
        let is_running = match task {
            Task::Closed(_) => return None,
            // It is closed if the runtime that the task ran on has been shut down.
            Task::Running(entrance) => !entrance.commands.is_closed(),
            Task::NotYet => false,
        };
        if !is_running {
            let (entrance, desk) = Desk::new(config.max_queued, config.drain_timeout);
            (self.start)(desk);
            *task = Task::Running(entrance);
        }
        match task {
            Task::Running(entrance) => Some(entrance),
            Task::NotYet | Task::Closed(_) => None,
        }
    }

    /// Each change is one assignment: whoever panicked with the lock has left the task whole.
    fn lock(&self) -> MutexGuard<'_, Task> {
        self.task.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) fn stopped() -> CallError {
    CallError::ConnectionClosed(Disconnected::Stopped)
}
