//! From packets to what happened on connections, and the summary.

use std::{collections::VecDeque, time::Duration};

use etherparse::LaxSlicedPacket;

use super::{
    connections::Connections,
    error::CaptureError,
    event::{Summary, Traffic},
    fragments::Fragments,
    link::Link,
    packet::Packet,
    segment::{IpPayload, Segment},
};

/// Takes packets apart, one after the other.
pub(super) struct Dissection {
    connections: Connections,
    fragments: Fragments,
    summary: Summary,
    /// Time of the first packet, in nanoseconds since 1970.
    first: Option<i128>,
    /// Time from the first packet to the current one.
    now: Duration,
}

impl Dissection {
    pub(super) fn new(port: Option<u16>) -> Self {
        Self {
            connections: Connections::new(port),
            fragments: Fragments::default(),
            summary: Summary::default(),
            first: None,
            now: Duration::ZERO,
        }
    }

    /// Takes a packet apart. Appends what it brings forth.
    pub(super) fn packet(&mut self, packet: &Packet<'_>, ready: &mut VecDeque<Traffic>) {
        self.summary.packets += 1;
        let first = *self.first.get_or_insert(packet.time);
        // Packets of two interfaces can be out of order; none is before the first.
        let elapsed = packet.time.saturating_sub(first).max(0);
        self.now = Duration::from_nanos(elapsed.try_into().unwrap_or(u64::MAX));
        let Some(link) = Link::of(packet.link) else {
            *self.summary.unknown_links.entry(packet.link.0).or_default() += 1;
            return;
        };
        let lost = packet.original.saturating_sub(packet.bytes.len());
        match link.sliced(packet.bytes) {
            Some(sliced) => self.sliced(&sliced, lost, packet.snap_length, ready),
            None => self.summary.unknown += 1,
        }
    }

    fn sliced(&mut self, packet: &LaxSlicedPacket<'_>, lost: usize, snap_length: u32, ready: &mut VecDeque<Traffic>) {
        let Some(payload) = IpPayload::of(packet, lost) else {
            self.summary.unknown += 1;
            return;
        };
        let is_fragment = packet.ip_payload().is_some_and(|payload| payload.fragmented);
        if !is_fragment {
            return self.payload(&payload, snap_length, ready);
        }
        if let Some(bytes) = self.fragments.add(packet, &payload) {
            let whole = IpPayload {
                bytes: &bytes,
                cut: 0,
                ..payload
            };
            self.payload(&whole, snap_length, ready);
        }
    }

    fn payload(&mut self, payload: &IpPayload<'_>, snap_length: u32, ready: &mut VecDeque<Traffic>) {
        match Segment::of(payload, snap_length) {
            Some(segment) => {
                self.summary.segments += 1;
                self.connections.add(self.now, &segment, ready);
            }
            None => self.summary.unknown += 1,
        }
    }

    /// Appends what waits for packets that will not come.
    pub(super) fn finish(&mut self, ready: &mut VecDeque<Traffic>) {
        self.connections.finish(self.now, ready);
    }

    /// Returns the summary, once all is over.
    ///
    /// # Errors
    ///
    /// Not one of the packets has a link type that is known.
    pub(super) fn summary(&mut self) -> Result<Summary, CaptureError> {
        let mut summary = std::mem::take(&mut self.summary);
        summary.ports = self.connections.ports();
        match summary.unknown_links.first_key_value() {
            Some((link, _)) if summary.unknown_links.values().sum::<u64>() == summary.packets => {
                Err(CaptureError::UnknownLinkType(*link))
            }
            _ => Ok(summary),
        }
    }
}
