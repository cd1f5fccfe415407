//! What lies on a desk: who waits for what, and the packets that wait to be written. Plain data: no I/O, no locks.

use std::task::{Context, Waker};

use tokio::time::Instant;

use super::{
    CallError, Disconnected,
    calls::{Calls, Woken},
    limit::earlier,
    queue::Queue,
    stage::Stage,
};
use crate::compat::Compat;

#[derive(Debug)]
pub(super) struct Papers {
    pub(super) calls: Calls,
    pub(super) queue: Queue,
    /// The task, while it sleeps; the first who brings something wakes it.
    pub(super) sleeper: Option<Waker>,
    /// Whether something has been brought since the task last looked.
    has_news: bool,
    /// The earliest deadline of those who have asked for a link since.
    pub(super) due: Option<Instant>,
    /// Whether there is a task.
    pub(super) is_attended: bool,
    /// Whether nothing more is let in.
    pub(super) is_closing: bool,
}

impl Papers {
    pub(super) fn new(compat: Compat) -> Self {
        Self {
            calls: Calls::new(compat),
            queue: Queue::default(),
            sleeper: None,
            has_news: false,
            due: None,
            is_attended: false,
            is_closing: false,
        }
    }

    /// Whether something has been brought since this was last asked; if more comes, `cx` is woken.
    pub(super) fn has_news(&mut self, cx: &mut Context<'_>) -> bool {
        if !self.sleeper.as_ref().is_some_and(|known| known.will_wake(cx.waker())) {
            self.sleeper = Some(cx.waker().clone());
        }
        std::mem::take(&mut self.has_news)
    }

    /// There is a link: tells whoever waited for that only. Whether packets wait to be written.
    pub(super) fn linked(&mut self, woken: &mut Woken) -> bool {
        self.calls.end_all(&[Stage::Linking], &Ok(None), woken);
        self.queued() > 0
    }

    /// Starts the patience of what is new; the earliest deadline.
    pub(super) fn start(&mut self) -> Option<Instant> {
        let due = self.due.take();
        if !self.queue.has_fresh() {
            return due;
        }
        let now = Instant::now();
        let Self { calls, queue, .. } = self;
        queue
            .fresh()
            .fold(due, |next, key| earlier(next, calls.start(key, now)))
    }

    /// Tells whoever waits for a link that there is none; how many slots that frees.
    pub(super) fn fail_waiting(&mut self, error: &CallError, woken: &mut Woken) -> usize {
        let freed = self.queued();
        let waiting = [Stage::Linking, Stage::Queued, Stage::QueuedEvent];
        self.calls.end_all(&waiting, &Err(error.clone()), woken);
        self.tidy();
        freed
    }

    /// Gives all that waits to be written back to its callers, which put it down elsewhere; packets without a caller stay.
    /// Returns how many slots that frees.
    pub(super) fn hand_back(&mut self, woken: &mut Woken) -> usize {
        let queued = self.queued();
        let Self { calls, queue, .. } = self;
        let mut kept = Vec::new();
        let mut hand_back = |key, packet| kept.extend(calls.hand_back(key, packet, woken).map(|packet| (key, packet)));
        while !queue.is_empty() {
            let large = queue.take(usize::MAX, |key, text| hand_back(key, text.as_bytes().to_vec()));
            if let Some((key, packet)) = large {
                hand_back(key, packet);
            }
        }
        kept.into_iter().for_each(|(key, packet)| queue.push_back(key, packet));
        queued - self.queued()
    }

    /// Tells whose packets went with a link.
    pub(super) fn fail_sent(&mut self, reason: Disconnected, woken: &mut Woken) {
        let lost = Err(CallError::ConnectionClosed(reason));
        self.calls.end_all(&[Stage::Asked, Stage::Leaving], &lost, woken);
    }

    /// Tells those whose time is over; when the next one's is, and how many slots that frees.
    pub(super) fn expire(&mut self, now: Instant, woken: &mut Woken) -> (Option<Instant>, usize) {
        let queued = self.queued();
        let next = self.calls.expire(now, woken);
        self.tidy();
        (next, queued - self.queued())
    }

    /// Whether a link is needed now.
    pub(super) fn wants_link(&self) -> bool {
        self.queued() > 0 || self.calls.count(Stage::Linking) > 0
    }

    /// Whether it is closing and nothing is left to do, but perhaps to write.
    pub(super) fn is_drained(&self) -> bool {
        self.is_closing && !self.wants_link() && self.calls.count(Stage::Asked) == 0
    }

    /// How many packets wait that are still wanted.
    fn queued(&self) -> usize {
        self.calls.count(Stage::Queued) + self.calls.count(Stage::QueuedEvent)
    }

    /// Drops packets that are not wanted any more, if these are many.
    pub(super) fn tidy(&mut self) {
        let queued = self.queued();
        let Self { calls, queue, .. } = self;
        queue.tidy(queued, |key| calls.is_queued(key));
    }

    /// Something has been brought: whom to wake.
    pub(super) fn news(&mut self) -> Option<Waker> {
        self.has_news = true;
        self.sleeper.take()
    }
}
