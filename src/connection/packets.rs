//! Where the packets end among the bytes that wait to be sent, for connections that write each
//! packet alone.

use std::collections::VecDeque;

/// The lengths of the packets that wait, in bytes, oldest first.
#[derive(Debug, Default)]
pub(super) struct PacketEnds {
    /// The first is what is left of its packet. None is 0.
    lengths: VecDeque<usize>,
    /// The sum of `lengths`: all bytes that wait.
    total: usize,
}

impl PacketEnds {
    /// Ends a packet where `waiting` bytes wait in all.
    pub(super) fn end_at(&mut self, waiting: usize) {
        if waiting > self.total {
            self.lengths.push_back(waiting - self.total);
            self.total = waiting;
        }
    }

    /// Returns the number of bytes up to the end of the first packet, if one waits.
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
