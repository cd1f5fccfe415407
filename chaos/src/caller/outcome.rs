//! How a call ended.

use std::time::Instant;

use super::{Ask, End};

/// How a call ended, as its caller saw it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// With its own answer, or with the error that it asked for.
    Answered,
    /// The event was sent.
    Sent,
    /// The caller dropped it.
    Dropped,
    /// With an error.
    Failed {
        /// What it says.
        reason: String,
        /// Whether it says that the service has seen nothing of the call.
        is_unsent: bool,
    },
    /// With what was not its answer.
    Wrong(String),
    /// It did not end, long after its timeout.
    Hung,
}

/// A call that has ended.
#[derive(Debug, Clone)]
pub struct Record {
    /// The call.
    pub ask: Ask,
    /// When it was made.
    pub begun: Instant,
    /// When it ended.
    pub ended: Instant,
    /// How it ended.
    pub outcome: Outcome,
}

impl Outcome {
    /// The outcome of a call that ended in this way.
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
