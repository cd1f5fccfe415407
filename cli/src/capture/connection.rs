//! A TCP connection: two streams, and how it opens and closes.

use std::net::SocketAddr;

use nest_wire::recording::Side;

use super::{
    event::{Action, Began},
    segment::Segment,
    stream::{Piece, Stream},
};

/// Maximum distance, in bytes, from the end of a closed connection at which a segment is a late one
/// of it, rather than the first seen of the next connection with these addresses and ports.
const MAX_LATE_BYTES: i64 = 16 * 1024 * 1024;

/// A connection that is open, or was closed not long ago.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) number: u32,
    caller: SocketAddr,
    began: Began,
    streams: BySide<Stream>,
    /// The sequence numbers of the SYNs, as far as they were captured.
    syns: BySide<Option<u32>>,
    /// True once nothing more can happen.
    pub(super) is_closed: bool,
    /// Number of the segment that was the last of the connection.
    pub(super) last: u64,
}

#[derive(Debug, Default)]
struct BySide<T> {
    caller: T,
    service: T,
}

/// How a segment stands to a connection of the same addresses and ports.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Relation {
    Belongs,
    /// The connection is closed, and this came late, or again.
    Late,
    /// It belongs to another connection, opened after this one.
    Next,
}

impl Connection {
    /// Returns a connection whose first segment is this one.
    pub(super) fn new(number: u32, caller: SocketAddr, first: &Segment<'_>) -> Self {
        let mut connection = Self {
            number,
            caller,
            began: if first.is_syn { Began::Handshake } else { Began::Middle },
            streams: BySide::default(),
            syns: BySide::default(),
            is_closed: false,
            last: 0,
        };
        if let (true, Some(acknowledgment)) = (first.is_syn, first.acknowledgment) {
            // The answer to a SYN that was not captured, or that comes later.
            connection.syns.caller = Some(acknowledgment.wrapping_sub(1));
        }
        connection
    }

    pub(super) const fn began(&self) -> Began {
        self.began
    }

    pub(super) fn relation(&self, segment: &Segment<'_>) -> Relation {
        let from = self.side(segment.source);
        if segment.is_syn {
            return self.relation_of_syn(from, segment);
        }
        let stream = self.streams.of(from);
        let is_payload = segment.length() > 0;
        match self.is_closed {
            true if is_payload && !stream.is_near(segment.sequence, MAX_LATE_BYTES) => Relation::Next,
            true => Relation::Late,
            false if is_payload && !stream.fits(segment.sequence) => Relation::Next,
            false => Relation::Belongs,
        }
    }

    fn relation_of_syn(&self, from: Side, segment: &Segment<'_>) -> Relation {
        match (self.syns.of(from), self.is_closed) {
            (Some(known), true) if *known == segment.sequence => Relation::Late,
            (Some(known), false) if *known == segment.sequence => Relation::Belongs,
            (None, false) if self.began == Began::Handshake && from == Side::Service => Relation::Belongs,
            _ => Relation::Next,
        }
    }

    /// Adds a segment that belongs to the connection. Passes on what it brings forth.
    pub(super) fn add(&mut self, segment: &Segment<'_>, emit: &mut dyn FnMut(Side, Action)) {
        let from = self.side(segment.source);
        // Before the payload: a side answers what it has received.
        if let Some(acknowledgment) = segment.acknowledgment {
            self.acknowledge(other(from), acknowledgment, emit);
        }
        let stream = self.streams.of_mut(from);
        if segment.is_reset {
            self.finish(emit);
            emit(from, Action::Reset);
            self.is_closed = true;
            return;
        }
        // SYN takes a sequence number.
        let first = segment.sequence.wrapping_add(segment.is_syn.into());
        if segment.is_syn {
            stream.begin(first);
            self.syns.of_mut(from).get_or_insert(segment.sequence);
        }
        if segment.length() > 0 {
            stream.push(first, segment.payload, segment.cut, segment.snap_length);
        }
        if segment.is_fin {
            stream.close(first.wrapping_add(segment.length() as u32));
        }
        drain(stream, from, emit);
        self.is_closed = self.streams.caller.has_ended() && self.streams.service.has_ended();
    }

    fn acknowledge(&mut self, side: Side, acknowledgment: u32, emit: &mut dyn FnMut(Side, Action)) {
        let stream = self.streams.of_mut(side);
        if self.began == Began::Handshake {
            // If the SYN was not captured, the first acknowledgment says where the stream begins.
            stream.begin(acknowledgment);
        }
        stream.acknowledge(acknowledgment);
        drain(stream, side, emit);
    }

    /// Passes on what waits for segments that will not come.
    pub(super) fn finish(&mut self, emit: &mut dyn FnMut(Side, Action)) {
        for side in [Side::Caller, Side::Service] {
            let stream = self.streams.of_mut(side);
            stream.finish();
            drain(stream, side, emit);
        }
    }

    /// Passes on what waits, without what lacks before it.
    pub(super) fn skip(&mut self, emit: &mut dyn FnMut(Side, Action)) {
        for side in [Side::Caller, Side::Service] {
            let stream = self.streams.of_mut(side);
            stream.skip();
            drain(stream, side, emit);
        }
    }

    /// Returns the size, in bytes, of what waits.
    pub(super) const fn waiting_bytes(&self) -> usize {
        self.streams.caller.waiting_bytes() + self.streams.service.waiting_bytes()
    }

    fn side(&self, source: SocketAddr) -> Side {
        match source == self.caller {
            true => Side::Caller,
            false => Side::Service,
        }
    }
}

impl<T> BySide<T> {
    const fn of(&self, side: Side) -> &T {
        match side {
            Side::Caller => &self.caller,
            Side::Service => &self.service,
        }
    }

    const fn of_mut(&mut self, side: Side) -> &mut T {
        match side {
            Side::Caller => &mut self.caller,
            Side::Service => &mut self.service,
        }
    }
}

const fn other(side: Side) -> Side {
    match side {
        Side::Caller => Side::Service,
        Side::Service => Side::Caller,
    }
}

fn drain(stream: &mut Stream, from: Side, emit: &mut dyn FnMut(Side, Action)) {
    while let Some(piece) = stream.pop() {
        emit(
            from,
            match piece {
                Piece::Bytes(bytes) => Action::Bytes(bytes),
                Piece::Missing(bytes) => Action::Missing(bytes),
                Piece::Cut { bytes, snap_length } => Action::Cut { bytes, snap_length },
                Piece::End => Action::Ended,
            },
        );
    }
}
