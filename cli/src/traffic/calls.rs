//! Ties replies to their requests, by the id on a connection.

use std::{collections::HashMap, sync::Arc, time::Duration};

/// Maximum number of calls of a connection that are remembered for certain while they wait for a
/// reply. Those before them are forgotten in time: they may never be answered.
const MAX_WAITING: usize = 100_000;

/// The calls of one connection that wait for a reply.
#[derive(Debug, Default)]
pub(crate) struct Calls {
    new: HashMap<Box<str>, Call>,
    /// Those that waited when `new` was full the last time.
    old: HashMap<Box<str>, Call>,
}

/// A call that waits for a reply.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Call {
    /// Counted from 1, over all connections.
    pub(crate) number: u64,
    pub(crate) pattern: Arc<str>,
    pub(crate) at: Option<Duration>,
}

impl Calls {
    /// Adds a call, by the JSON of its id. Returns the call with the same id that waited, if there was one.
    pub(crate) fn begin(&mut self, id: &str, call: Call) -> Option<Call> {
        if self.new.len() >= MAX_WAITING {
            self.old = std::mem::take(&mut self.new);
        }
        let before = self.old.remove(id);
        self.new.insert(id.into(), call).or(before)
    }

    /// Returns true if no call waits for a reply.
    pub(crate) fn is_empty(&self) -> bool {
        self.new.is_empty() && self.old.is_empty()
    }

    /// Returns the call that a reply belongs to, and forgets it after the last reply.
    pub(crate) fn reply(&mut self, id: &str, is_final: bool) -> Option<Call> {
        match is_final {
            true => self.new.remove(id).or_else(|| self.old.remove(id)),
            false => self.new.get(id).or_else(|| self.old.get(id)).cloned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(number: u64) -> Call {
        Call {
            number,
            pattern: "sum".into(),
            at: None,
        }
    }

    #[test]
    fn calls_that_are_never_answered_do_not_keep_later_ones_from_being_remembered() {
        let mut calls = Calls::default();
        for number in 0..3 * MAX_WAITING as u64 {
            assert_eq!(calls.begin(&number.to_string(), call(number)), None);
        }
        assert!(calls.new.len() + calls.old.len() <= 2 * MAX_WAITING);
        let last = 3 * MAX_WAITING as u64 - 1;
        assert_eq!(calls.reply(&last.to_string(), true), Some(call(last)));
        assert_eq!(calls.reply("1", true), None);
    }

    #[test]
    fn an_id_that_is_used_again_gives_the_call_that_waited() {
        let mut calls = Calls::default();
        calls.begin("x", call(1));
        assert_eq!(calls.begin("x", call(2)), Some(call(1)));
        assert_eq!(calls.reply("x", true), Some(call(2)));
    }
}
