//! One thing that happened on a recorded connection.

use std::{fmt, time::Duration};

use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// One thing that happened on a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Event {
    /// Time since the recording began, by a monotonic clock, in whole microseconds. `None` in
    /// recordings of format 0, which have no times.
    pub at: Option<Duration>,
    /// The number of the connection; connections are counted from 1 in the order in which they were
    /// opened.
    pub connection: u32,
    /// The side that acted.
    pub from: Side,
    /// The action.
    pub content: Content,
}

/// The two sides of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// The side that opened the connection: Nest's `ClientProxy`.
    Caller,
    /// The side that accepted the connection: Nest's microservice.
    Service,
}

/// The action of a side.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Content {
    /// The caller opened the connection, from this address.
    Opened(String),
    /// The service did not accept the connection, for this reason.
    Failed(String),
    /// The side sent these bytes, which arrived in one piece.
    Segment(Bytes),
    /// The side sent this number of bytes, which were not captured; 0 if the number is unknown
    /// because the capture began after the connection.
    Missing(u64),
    /// The side closed its direction of the connection.
    End,
    /// The side aborted the connection: both directions are gone.
    Reset,
}

impl Event {
    /// Returns an event without a time, on the connection with this number, counted from 1.
    #[must_use]
    pub const fn new(connection: u32, from: Side, content: Content) -> Self {
        Self {
            at: None,
            connection,
            from,
            content,
        }
    }

    /// Returns the event with the time at which it happened, since the recording began.
    #[must_use]
    pub const fn at(mut self, at: Duration) -> Self {
        // Whole microseconds, which is what a file holds: an event equals itself read back.
        self.at = Some(Duration::from_micros(at.as_micros() as u64));
        self
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Caller => "caller",
            Self::Service => "service",
        })
    }
}
