//! Ties replies to their requests, by the id on a connection.

use std::{collections::HashMap, sync::Arc, time::Duration};

/// Maximum number of calls of a connection that are remembered while they wait for a reply.
const MAX_WAITING: usize = 100_000;

/// The calls of one connection that wait for a reply.
#[derive(Debug, Default)]
pub(crate) struct Calls(HashMap<Box<str>, Call>);

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
        if self.0.len() >= MAX_WAITING {
            return None;
        }
        self.0.insert(id.into(), call)
    }

    /// Returns the call that a reply belongs to, and forgets it after the last reply.
    pub(crate) fn reply(&mut self, id: &str, is_final: bool) -> Option<Call> {
        match is_final {
            true => self.0.remove(id),
            false => self.0.get(id).cloned(),
        }
    }
}
