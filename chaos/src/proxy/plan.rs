//! The faults of one connection.

use std::time::Duration;

/// The faults of a connection, drawn when it is accepted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// Whether the connection is reset before a byte is carried.
    pub is_refused: bool,
    /// The faults on the way to the service.
    pub to_service: Course,
    /// The faults on the way to the caller.
    pub to_caller: Course,
}

/// The faults of one direction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Course {
    /// Time for which each piece is held back.
    pub delay: Duration,
    /// Maximum number of bytes read at a time.
    pub piece: usize,
    /// An event, and the exact number of bytes after which it happens.
    pub event: Option<(u64, Event)>,
}

/// An event of a connection after a number of bytes in one direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// Both sides are closed.
    Close,
    /// Both sides are reset.
    Reset,
    /// Nothing is carried any more, in both directions.
    Silence,
    /// This direction ends; the other one continues.
    HalfClose,
    /// This direction pauses for this time.
    Pause(Duration),
}

impl Default for Course {
    fn default() -> Self {
        Self {
            delay: Duration::ZERO,
            piece: 1 << 16,
            event: None,
        }
    }
}
