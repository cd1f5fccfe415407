//! The calls to make, and their pace.

use std::time::Duration;

use bytes::BytesMut;
use nest_wire::{
    Compat,
    json::{self, Value},
    packet::{RawJson, write_event},
};

use crate::frame::{Frame, ID_HEAD};

/// The calls of a load, prepared once.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The calls, made in turn; at least one.
    pub calls: Vec<Call>,
    /// When calls begin.
    pub pace: Pace,
    /// Maximum time in which no call of a connection ends although some are in flight. The
    /// connection is given up after it.
    pub patience: Duration,
    /// The major of Nest whose replies are read.
    pub compat: Compat,
    /// The timers of an open loop.
    pub timers: Timers,
}

/// When calls begin.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Pace {
    /// Each connection has this number of calls in flight, at most 99,999.
    Closed {
        /// Number of calls in flight on each connection.
        in_flight: usize,
    },
    /// So many calls begin each second on all connections together, evenly spaced.
    Open {
        /// Calls per second, above 0.
        per_second: f64,
    },
}

/// The timers that an open loop waits with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Timers {
    /// Those of the operating system where it has precise ones (Linux), otherwise tokio's.
    Precise,
    /// Those of tokio, which are late by a millisecond at most. They follow paused time.
    Coarse,
}

/// One call, as it is written.
#[derive(Debug, Clone)]
pub struct Call {
    pub(super) bytes: Bytes,
    pub(super) expected: Option<Value>,
}

#[derive(Debug, Clone)]
pub(super) enum Bytes {
    Request(Frame),
    Event(Vec<u8>),
}

impl Call {
    /// Prepares a request. With `expected`, its last value is compared.
    #[must_use]
    pub fn request(pattern: &RawJson, data: &RawJson, metadata: Option<&RawJson>, expected: Option<Value>) -> Self {
        let text = text(pattern, data, metadata);
        let head = text.strip_suffix('}').unwrap_or(&text);
        Self {
            bytes: Bytes::Request(Frame::new(&format!("{head},\"id\":\"{ID_HEAD}"), "\"}")),
            expected,
        }
    }

    /// Prepares an event. `route` is the route of its pattern, as a JSON string.
    #[must_use]
    pub fn event(route: &RawJson, data: &RawJson, metadata: Option<&RawJson>) -> Self {
        Self {
            bytes: Bytes::Event(Frame::text(&text(route, data, metadata))),
            expected: None,
        }
    }

    /// Returns true if this is the value that is expected, or if none is.
    pub(super) fn is_right(&self, value: Option<&RawJson>) -> bool {
        match (&self.expected, value) {
            (None, _) => true,
            (Some(expected), Some(value)) => json::parse(value.as_str()).is_ok_and(|value| value == *expected),
            (Some(_), None) => false,
        }
    }
}

fn text(pattern: &RawJson, data: &RawJson, metadata: Option<&RawJson>) -> String {
    let mut text = BytesMut::new();
    write_event(&mut text, pattern, data, metadata);
    String::from_utf8(text.to_vec()).expect("JSON text is UTF-8")
}
