//! The parts of the table: one pending call with its key and its state, and lists of calls.
//!
//! ```text
//!   Queued ────────────── written ──► AwaitingReply ── answered ──┐
//!   QueuedEvent ───────── written ──► Flushing ─────── all sent ──┼──► Done
//!   AwaitingConnection ─────────────────────────────── connected ─┘    from everywhere: no connection
//! ```
//!
//! A call is removed when its caller drops it or its timeout expires. An event is sent all the
//! same, unless its timeout expires before it is written.

use crate::client::channel::waiter::{ReplyMode, Waiter};

/// Identifies a pending call, which may have been removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::client) struct CallKey {
    pub(super) index: u32,
    pub(super) generation: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::client) enum CallState {
    /// A call that needs a connection and nothing else.
    AwaitingConnection,
    /// A request that waits to be written.
    Queued,
    /// An event that waits to be written.
    QueuedEvent,
    /// A request that is written and awaits its reply.
    AwaitingReply,
    /// An event that is written but perhaps not completely sent.
    Flushing,
    /// A call that has ended; its caller has not taken the end yet.
    Done,
}

#[derive(Debug)]
pub(super) struct Call {
    /// Sequence number of the call, which no other call of the channel has.
    pub(super) generation: u64,
    pub(super) call_state: CallState,
    pub(super) waiter: Waiter,
}

impl CallState {
    pub(super) const COUNT: usize = 6;

    pub(in crate::client) const fn is_queued(self) -> bool {
        matches!(self, Self::Queued | Self::QueuedEvent)
    }

    /// Returns true if the call continues without a caller.
    pub(super) const fn is_autonomous(self) -> bool {
        matches!(self, Self::QueuedEvent | Self::Flushing)
    }
}

impl Call {
    /// Returns true if the call is a stream that holds far more than its capacity, because its
    /// connection had to be read although the stream was full.
    pub(super) const fn is_overfull(&self) -> bool {
        matches!(&self.waiter.wants, ReplyMode::Each(values) if values.is_overfull())
    }

    /// Returns true if the call is a full stream, together with the capacity of the stream in
    /// bytes.
    pub(super) const fn fullness(&self) -> (bool, usize) {
        match &self.waiter.wants {
            ReplyMode::Each(values) => (values.is_full(), values.capacity()),
            _ => (false, 0),
        }
    }
}

/// Number of keys of ended calls that is always tolerated.
const SPARE: usize = 32;

/// Initial capacity in keys, so that a client in use does not allocate now and then.
const ROOM: usize = 128;

/// Keys of calls that may have to be ended together, so that no code scans all pending calls for
/// them, in the order of their insertion. The keys of ended calls stay until they are the majority.
#[derive(Debug, Default)]
pub(super) struct Listed(Vec<CallKey>);

impl Listed {
    pub(super) fn push(&mut self, key: CallKey) {
        if self.0.capacity() == 0 {
            self.0.reserve(ROOM);
        }
        self.0.push(key);
    }

    /// Drops the keys of ended calls if they outnumber the `live` ones by more than `SPARE`.
    pub(super) fn tidy(&mut self, live: usize, is_live: impl Fn(CallKey) -> bool) {
        if self.0.len() > 2 * live + SPARE {
            self.keep(is_live);
        }
    }

    #[cold]
    fn keep(&mut self, is_live: impl Fn(CallKey) -> bool) {
        self.0.retain(|key| is_live(*key));
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = CallKey> {
        self.0.iter().copied()
    }

    /// Removes all keys. Returns them with their memory.
    pub(super) fn drain(&mut self) -> Vec<CallKey> {
        std::mem::take(&mut self.0)
    }
}
