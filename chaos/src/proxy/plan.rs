//! What happens to one connection.

use std::time::Duration;

/// The fate of a connection, drawn when it is accepted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// Whether it is reset before a byte is carried.
    pub is_refused: bool,
    /// What happens on the way to the service.
    pub to_service: Course,
    /// What happens on the way to the caller.
    pub to_caller: Course,
}

/// What happens to the bytes of one direction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Course {
    /// How long each piece waits before it is passed on.
    pub delay: Duration,
    /// The maximum number of bytes that are read at a time.
    pub piece: usize,
    /// What happens after exactly so many bytes.
    pub event: Option<(u64, Event)>,
}

/// What may happen to a connection after a number of bytes of one direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// Both sides are closed.
    Close,
    /// Both sides are reset.
    Reset,
    /// Nothing is carried any more, in either direction.
    Silence,
    /// This direction ends; the other goes on.
    HalfClose,
    /// This direction stands still for so long.
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
