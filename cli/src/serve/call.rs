//! One message or event that came.

use std::time::{Duration, Instant};

use nest_wire::{
    Compat,
    packet::IncomingRequest,
    pattern::{IncomingPattern, Route},
};

use crate::traffic::frames::Frame;

/// A message or an event, and what is known of it.
pub(super) struct Call {
    /// The connection on which it came, counted from 1.
    pub(super) connection: u32,
    /// Counted from 1 over all connections; events have none.
    pub(super) number: Option<u64>,
    pub(super) began: Instant,
    pub(super) packet: Packet,
    pub(super) frame: Frame,
    /// The pattern as people read it.
    pub(super) pattern: String,
    pub(super) route: Option<Route<'static>>,
    /// True if its lines are shown.
    pub(super) is_shown: bool,
}

/// The members of the packet.
pub(super) struct Packet {
    pub(super) pattern: Option<nest_wire::packet::RawJson>,
    pub(super) payload: Option<nest_wire::packet::RawJson>,
    pub(super) metadata: Option<nest_wire::packet::RawJson>,
    pub(super) id: Option<nest_wire::packet::RawJson>,
}

impl Call {
    /// Reads a frame. Returns `None` if it is not JSON.
    pub(super) fn read(frame: Frame, connection: u32, compat: Compat) -> Option<Self> {
        let packet = IncomingRequest::read(&frame.text.as_str().into()).ok()?;
        let read = packet
            .pattern
            .as_ref()
            .map(|raw| IncomingPattern::read(raw.as_str(), compat));
        let incoming = read.transpose().ok()?.unwrap_or_else(IncomingPattern::absent);
        let route = incoming.route().cloned().map(Route::into_owned);
        let shown = route.as_ref().and_then(Route::as_str).or(incoming.as_str());
        Some(Self {
            connection,
            number: None,
            began: Instant::now(),
            pattern: shown.unwrap_or("undefined").to_owned(),
            route,
            packet: Packet {
                pattern: packet.pattern,
                payload: packet.data,
                metadata: packet.metadata,
                id: packet.id,
            },
            frame,
            is_shown: true,
        })
    }

    pub(super) fn is_event(&self) -> bool {
        self.packet.id.is_none()
    }

    pub(super) fn age(&self) -> Duration {
        self.began.elapsed()
    }
}
