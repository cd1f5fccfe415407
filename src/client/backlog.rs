//! The packets that wait to be written, and how many may. Knows nothing of links.

use std::{collections::VecDeque, num::NonZeroUsize, sync::Arc};

use tokio::{sync::Semaphore, time::Instant};

use super::{CallError, command::Outgoing};
use crate::packet::CallId;

/// Handles take a slot for each packet before they send it here, and wait if there is none; here slots are given back.
pub(super) struct Backlog {
    packets: VecDeque<Box<Outgoing>>,
    slots: Arc<Semaphore>,
    /// Slots of packets that have left, not yet given back: that takes a lock, once for many.
    freed: usize,
}

impl Backlog {
    pub(super) fn new(max_queued: NonZeroUsize) -> Self {
        Self {
            packets: VecDeque::new(),
            slots: Arc::new(Semaphore::new(max_queued.get().min(Semaphore::MAX_PERMITS))),
            freed: 0,
        }
    }

    pub(super) fn slots(&self) -> Arc<Semaphore> {
        Arc::clone(&self.slots)
    }

    pub(super) fn push(&mut self, packet: Box<Outgoing>) {
        self.packets.push_back(packet);
    }

    /// The next packet to be written.
    pub(super) fn pop(&mut self) -> Option<Box<Outgoing>> {
        let packet = self.packets.pop_front()?;
        self.freed += 1;
        Some(packet)
    }

    /// Gives back the slots of what has left.
    pub(super) fn release(&mut self) {
        if self.freed > 0 {
            self.slots.add_permits(std::mem::take(&mut self.freed));
        }
    }

    /// Gives a slot back whose packet was not taken in.
    pub(super) fn refuse(&mut self) {
        self.freed += 1;
    }

    pub(super) fn forget(&mut self, id: CallId) {
        if let Some(index) = self.packets.iter().position(|packet| packet.id == Some(id)) {
            self.packets.remove(index);
            self.freed += 1;
        }
    }

    /// Drops those whose time is over and tells them; when the next one's is.
    pub(super) fn expire(&mut self, now: Instant) -> Option<Instant> {
        let mut next = None;
        let waiting = std::mem::take(&mut self.packets);
        for packet in waiting {
            if packet.waiting.is_overdue(now, &mut next) {
                self.freed += 1;
                packet.waiting.expire();
            } else {
                self.packets.push_back(packet);
            }
        }
        next
    }

    pub(super) fn fail_all(&mut self, error: &CallError) {
        while let Some(packet) = self.pop() {
            packet.fail(error.clone());
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.packets.is_empty()
    }
}

/// Those who wait for a slot learn that there will be none.
impl Drop for Backlog {
    fn drop(&mut self) {
        self.slots.close();
    }
}
