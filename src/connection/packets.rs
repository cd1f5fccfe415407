//! The ends of the packets among the queued bytes, for connections that write each packet
//! separately.

use std::collections::VecDeque;

/// The lengths of the queued packets, in bytes, oldest first.
#[derive(Debug, Default)]
pub(super) struct PacketEnds {
    /// The first length is the unsent rest of its packet. No length is 0.
    lengths: VecDeque<usize>,
    /// The sum of `lengths`, which is the number of queued bytes.
    total: usize,
}

impl PacketEnds {
    /// Ends a packet at the end of the queue, which now holds `waiting` bytes.
    pub(super) fn end_at(&mut self, waiting: usize) {
        if waiting > self.total {
            self.lengths.push_back(waiting - self.total);
            self.total = waiting;
        }
    }

    /// Returns the number of bytes up to the end of the first packet, or `None` if no packet is
    /// queued.
    pub(super) fn first(&self) -> Option<usize> {
        self.lengths.front().copied()
    }

    /// Drops the first `bytes` bytes, which have been sent.
    pub(super) fn advance(&mut self, mut bytes: usize) {
        self.total -= bytes;
        while let Some(first) = self.lengths.front_mut() {
            if *first > bytes {
                *first -= bytes;
                return;
            }
            bytes -= *first;
            self.lengths.pop_front();
        }
    }

    /// Drops all but the first `bytes` bytes.
    pub(super) fn truncate(&mut self, bytes: usize) {
        while self.total > bytes {
            let Some(last) = self.lengths.pop_back() else { return };
            self.total -= last;
        }
        self.end_at(bytes);
    }
}
