//! One contract of a document.

use serde_json::Value;

use crate::pattern::Pattern;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A message with one reply.
    Message,
    /// A message with any number of replies.
    Stream,
    Event,
}

#[derive(Debug)]
pub(super) struct Operation {
    pub(super) kind: Kind,
    pub(super) pattern: Pattern,
    pub(super) description: Option<String>,
    /// The schema of the data.
    pub(super) data: Value,
    /// The schema of each reply; `None` for an event.
    pub(super) reply: Option<Value>,
}

impl Operation {
    pub(super) const fn new(kind: Kind, pattern: Pattern, data: Value, reply: Option<Value>) -> Self {
        Self {
            kind,
            pattern,
            description: None,
            data,
            reply,
        }
    }

    pub(super) fn is_same_as(&self, other: &Self) -> bool {
        (self.kind == Kind::Event) == (other.kind == Kind::Event) && self.pattern == other.pattern
    }
}
