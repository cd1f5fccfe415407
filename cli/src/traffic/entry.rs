//! One line's worth of traffic.

use std::{sync::Arc, time::Duration};

use nest_wire::{packet::RawJson, recording::Side};

use super::{diagnosis::Diagnosis, frames::Frame, packet::Kind};

/// Something that happened, with what is known of it from what happened before.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Entry {
    /// Time since the recording began, if it has times.
    pub(crate) at: Option<Duration>,
    pub(crate) connection: u32,
    pub(crate) from: Side,
    pub(crate) what: What,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum What {
    /// A packet, or bytes that are not one.
    Packet(Box<Seen>),
    /// The caller opened the connection, from this address.
    Opened(String),
    /// The service did not accept the connection.
    Failed(String),
    /// The side closed its direction.
    End,
    /// The side aborted the connection.
    Reset,
    /// Bytes that were not captured; 0 where a capture begins after the connection.
    Missing(u64),
    /// Bytes before the first frame that could be found.
    Skipped(usize),
    /// The connection is TLS: nothing in it can be read.
    Tls,
}

/// A packet as it was seen.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Seen {
    pub(crate) kind: Kind,
    pub(crate) frame: Frame,
    /// What is wrong with it. A packet whose header alone is wrong has the kind that was meant.
    pub(crate) why: Option<Diagnosis>,
    pub(crate) id: Option<RawJson>,
    /// The route of the call that it belongs to.
    pub(crate) pattern: Option<Arc<str>>,
    /// The data, value or error.
    pub(crate) payload: Option<RawJson>,
    pub(crate) metadata: Option<RawJson>,
    /// The number of the call, counted from 1 over all connections; events have none.
    pub(crate) call: Option<u64>,
    /// The number of the call that waits for a reply under the same id, for a request. Replies to
    /// both cannot be told apart.
    pub(crate) same_id: Option<u64>,
    /// Time since the request, for a reply.
    pub(crate) latency: Option<Duration>,
}
