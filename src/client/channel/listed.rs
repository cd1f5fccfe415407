//! Lists of calls that may have to be ended together, so that no code scans all pending calls for
//! them. Plain data.

use crate::client::channel::call_key::CallKey;

/// Number of keys of ended calls that is always tolerated.
const SPARE: usize = 32;

/// Initial capacity in keys, so that a client in use does not allocate now and then.
const ROOM: usize = 128;

/// Keys in the order of their insertion. The keys of ended calls stay until they are the majority.
#[derive(Debug, Default)]
pub(in crate::client) struct Listed(Vec<CallKey>);

impl Listed {
    pub(in crate::client) fn push(&mut self, key: CallKey) {
        if self.0.capacity() == 0 {
            self.0.reserve(ROOM);
        }
        self.0.push(key);
    }

    /// Returns true if the keys of ended calls outnumber the `live` ones by more than `SPARE`.
    pub(in crate::client) fn is_untidy(&self, live: usize) -> bool {
        self.0.len() > 2 * live + SPARE
    }

    /// Drops the keys of ended calls.
    #[cold]
    pub(in crate::client) fn keep(&mut self, is_live: impl Fn(CallKey) -> bool) {
        self.0.retain(|key| is_live(*key));
    }

    /// Drops the keys of ended calls if there are many of them.
    pub(in crate::client) fn tidy(&mut self, live: usize, is_live: impl Fn(CallKey) -> bool) {
        if self.is_untidy(live) {
            self.keep(is_live);
        }
    }

    pub(in crate::client) fn iter(&self) -> impl Iterator<Item = CallKey> {
        self.0.iter().copied()
    }

    /// Removes all keys. Returns them with their memory.
    pub(in crate::client) fn drain(&mut self) -> Vec<CallKey> {
        std::mem::take(&mut self.0)
    }
}
