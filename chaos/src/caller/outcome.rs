//! The outcome of a call.

use std::time::Instant;

use super::{Ask, End};

/// The outcome of a call, as its caller saw it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The call ended with its own reply, or with the error that it asked for.
    Answered,
    /// The event was sent.
    Sent,
    /// The caller dropped the call.
    Dropped,
    /// The call failed with an error.
    Failed {
        /// The error's message.
        reason: String,
        /// Whether the error states that the service has not seen the call.
        is_unsent: bool,
    },
    /// The call ended with a wrong reply.
    Wrong(String),
    /// The call did not end, long after its timeout.
    Hung,
}

/// A call that has ended.
#[derive(Debug, Clone)]
pub struct Record {
    /// The call.
    pub ask: Ask,
    /// The time at which the call was made.
    pub begun: Instant,
    /// The time at which it ended.
    pub ended: Instant,
    /// Its outcome.
    pub outcome: Outcome,
}

impl Outcome {
    /// Returns the outcome of a call with this end.
    #[must_use]
    pub fn of(ask: &Ask, checked: Result<bool, String>, end: End, is_unsent: bool) -> Self {
        match (checked, end) {
            (Err(wrong), _) => Self::Wrong(wrong),
            (Ok(true), _) if ask.is_event() => Self::Sent,
            (Ok(true), _) => Self::Answered,
            (Ok(false), End::Dropped | End::Complete) => Self::Dropped,
            (Ok(false), End::Refused(reason) | End::Failed(reason)) => Self::Failed { reason, is_unsent },
        }
    }
}
