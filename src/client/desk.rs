//! What is asked of a client and who waits for it, whether or not there is a link. Does no I/O.

use std::{
    collections::VecDeque,
    future::Future,
    num::NonZeroUsize,
    pin::pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    sync::{Semaphore, mpsc},
    time::Instant,
};

use super::{
    CallError, Disconnected,
    backlog::Backlog,
    command::{Command, Outgoing},
    pending::Pending,
    timer::Timer,
    waiting::{Waiting, earlier},
};

/// How many commands are taken at a time.
const BATCH: usize = 128;

pub(super) struct Desk {
    /// It is always emptied at once: what bounds it are the slots of the backlog.
    inbox: mpsc::UnboundedReceiver<Command>,
    batch: Vec<Command>,
    pub(super) backlog: Backlog,
    /// Calls whose packet has been written.
    pub(super) pending: Pending,
    /// Events that are written but not wholly sent, in that order.
    pub(super) unsent: VecDeque<Unsent>,
    /// Who waits for a link and nothing else.
    connects: Vec<Waiting>,
    timer: Timer,
    drain_timeout: Duration,
    closing: Closing,
}

pub(super) struct Unsent {
    /// How many bytes the link will have sent when this event is out.
    pub(super) end: u64,
    /// `None` once its sender was told that it took too long.
    pub(super) event: Option<Box<Outgoing>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Closing {
    NotYet,
    /// What is under way has until then; for ever, if that is later than time goes.
    Until(Option<Instant>),
    /// The time is over.
    Overdue,
}

/// How handles reach a desk.
#[derive(Debug, Clone)]
pub(super) struct Entrance {
    pub(super) commands: mpsc::UnboundedSender<Command>,
    pub(super) slots: Arc<Semaphore>,
}

impl Desk {
    pub(super) fn new(max_queued: NonZeroUsize, drain_timeout: Duration) -> (Entrance, Self) {
        let (commands, inbox) = mpsc::unbounded_channel();
        let backlog = Backlog::new(max_queued);
        let slots = backlog.slots();
        let desk = Self {
            inbox,
            batch: Vec::new(),
            backlog,
            pending: Pending::default(),
            unsent: VecDeque::new(),
            connects: Vec::new(),
            timer: Timer::default(),
            drain_timeout,
            closing: Closing::NotYet,
        };
        (Entrance { commands, slots }, desk)
    }

    /// Takes what has been asked and tells those whose time is over; says whether anything changed.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> bool {
        let mut moved = self.poll_inbox(cx);
        while self.timer.poll(cx) {
            self.expire();
            moved = true;
        }
        moved
    }

    /// Does `work` meanwhile; `None` if `is_enough` said so before that was done.
    pub(super) async fn attend<T>(
        &mut self,
        work: impl Future<Output = T>,
        is_enough: impl Fn(&Self) -> bool,
    ) -> Option<T> {
        let mut work = pin!(work);
        std::future::poll_fn(|cx| {
            while self.poll(cx) {}
            self.backlog.release();
            if is_enough(self) {
                return Poll::Ready(None);
            }
            work.as_mut().poll(cx).map(Some)
        })
        .await
    }

    /// Tells whoever waits for a link only.
    pub(super) fn linked(&mut self) {
        for waiting in self.connects.drain(..) {
            waiting.done();
        }
    }

    /// Tells whoever waits for a link that there is none.
    pub(super) fn fail_waiting(&mut self, error: &CallError) {
        self.backlog.fail_all(error);
        for waiting in self.connects.drain(..) {
            waiting.fail(error.clone());
        }
    }

    /// Tells whose packets went with a link.
    pub(super) fn fail_sent(&mut self, reason: Disconnected) {
        let error = CallError::ConnectionClosed(reason);
        self.pending.fail_all(&error);
        for event in self.unsent.drain(..).filter_map(|unsent| unsent.event) {
            event.fail(error.clone());
        }
    }

    /// Whether a link is needed now.
    pub(super) fn wants_link(&self) -> bool {
        !self.backlog.is_empty() || !self.connects.is_empty()
    }

    pub(super) fn is_closing(&self) -> bool {
        self.closing != Closing::NotYet
    }

    /// Whether it is closing and nothing is left to do, but perhaps to write.
    pub(super) fn is_drained(&self) -> bool {
        self.is_closing() && !self.wants_link() && self.pending.is_empty()
    }

    /// Whether it has been closing for too long.
    pub(super) fn is_overdue(&self) -> bool {
        self.closing == Closing::Overdue
    }

    fn poll_inbox(&mut self, cx: &mut Context<'_>) -> bool {
        let mut batch = std::mem::take(&mut self.batch);
        let mut moved = false;
        // Ready without any: the last handle is gone. It will say so each time it is asked.
        while let Poll::Ready(count) = self.inbox.poll_recv_many(cx, &mut batch, BATCH) {
            moved |= count > 0 || !self.is_closing();
            for command in batch.drain(..) {
                self.take(command);
            }
            if count == 0 {
                self.close();
                break;
            }
        }
        self.batch = batch;
        moved
    }

    fn take(&mut self, command: Command) {
        match command {
            Command::Send(packet) if self.is_closing() => {
                self.backlog.refuse();
                packet.fail(CallError::Closed);
            }
            Command::Send(packet) => {
                self.timer.cover(packet.waiting.limit.deadline);
                self.backlog.push(packet);
            }
            Command::Connect(waiting) => {
                self.timer.cover(waiting.limit.deadline);
                self.connects.push(waiting);
            }
            Command::Forget(id) => {
                if !self.pending.forget(id) {
                    self.backlog.forget(id);
                }
            }
            Command::Close => self.close(),
        }
    }

    fn close(&mut self) {
        if !self.is_closing() {
            let deadline = Instant::now().checked_add(self.drain_timeout);
            self.closing = Closing::Until(deadline);
            self.timer.cover(deadline);
        }
    }

    /// The timer has rung: somebody's time may be over.
    fn expire(&mut self) {
        let now = Instant::now();
        let mut next = earlier(self.pending.expire(now), self.backlog.expire(now));
        for unsent in &mut self.unsent {
            if let Some(overdue) = unsent.event.take_if(|event| event.waiting.is_overdue(now, &mut next)) {
                overdue.waiting.expire();
            }
        }
        let overdue = self
            .connects
            .extract_if(.., |waiting| waiting.is_overdue(now, &mut next));
        overdue.for_each(Waiting::expire);
        match self.closing {
            Closing::Until(Some(deadline)) if deadline <= now => self.closing = Closing::Overdue,
            Closing::Until(deadline) => next = earlier(next, deadline),
            Closing::NotYet | Closing::Overdue => {}
        }
        self.timer.cover(next);
    }
}
