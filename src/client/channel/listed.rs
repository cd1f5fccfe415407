//! Calls that may have to be ended together, so that nobody has to look for them among all others.
//! Plain data.

use crate::client::channel::call_key::CallKey;

/// How many keys are kept that may be of calls long gone.
const SPARE: usize = 32;

/// How many keys there is room for from the first one on, so that a client that is used does not
/// allocate now and then.
const ROOM: usize = 128;

/// Keys in the order in which they came. Those of calls that have ended stay until they are the
/// greater part.
#[derive(Debug, Default)]
pub(in crate::client) struct Listed(Vec<CallKey>);

impl Listed {
    pub(in crate::client) fn push(&mut self, key: CallKey) {
        if self.0.capacity() == 0 {
            self.0.reserve(ROOM);
        }
        self.0.push(key);
    }

    /// Returns true if so many keys that more than half of them are not among the `live` ones.
    pub(in crate::client) fn is_untidy(&self, live: usize) -> bool {
        self.0.len() > 2 * live + SPARE
    }

    /// Drops the keys of calls that have ended.
    #[cold]
    pub(in crate::client) fn keep(&mut self, is_live: impl Fn(CallKey) -> bool) {
        self.0.retain(|key| is_live(*key));
    }

    /// Drops the keys of calls that have ended, if these are many.
    pub(in crate::client) fn tidy(&mut self, live: usize, is_live: impl Fn(CallKey) -> bool) {
        if self.is_untidy(live) {
            self.keep(is_live);
        }
    }

    pub(in crate::client) fn iter(&self) -> impl Iterator<Item = CallKey> {
        self.0.iter().copied()
    }

    /// Takes all keys out, with their memory.
    pub(in crate::client) fn drain(&mut self) -> Vec<CallKey> {
        std::mem::take(&mut self.0)
    }
}
