//! Reads events one after the other and gives an entry for each thing to see.

use std::{collections::HashMap, sync::Arc};

use nest_wire::recording::{Content, Event, Side};

use super::{
    calls::{Call, Calls},
    diagnosis::{self, Diagnosis},
    entry::{Entry, Seen, What},
    frames::{Frame, Frames, Piece},
    packet::{Kind, Packet},
};

/// Maximum number of different patterns whose names are shared.
const MAX_PATTERNS: usize = 10_000;

/// What is known of the traffic so far.
#[derive(Debug, Default)]
pub(crate) struct Reading {
    connections: HashMap<u32, Connection>,
    /// Names of patterns, each once in memory.
    patterns: HashMap<Box<str>, Arc<str>>,
    /// Number of calls so far.
    calls: u64,
}

#[derive(Debug, Default)]
struct Connection {
    caller: Direction,
    service: Direction,
    calls: Calls,
}

#[derive(Debug, Default)]
struct Direction {
    frames: Frames,
    has_begun: bool,
    has_ended: bool,
    is_tls: bool,
}

impl Reading {
    /// Reads one event. Calls `see` with each entry that it completes.
    pub(crate) fn read(&mut self, event: &Event, mut see: impl FnMut(Entry)) {
        let mut see = |what| {
            see(Entry {
                at: event.at,
                connection: event.connection,
                from: event.from,
                what,
            });
        };
        match &event.content {
            Content::Opened(address) => see(What::Opened(address.clone())),
            Content::Failed(reason) => see(What::Failed(reason.clone())),
            Content::Segment(bytes) => self.segment(event, bytes, see),
            Content::Missing(bytes) => {
                self.cut(event, |direction| direction.frames.gap(), &mut see);
                see(What::Missing(*bytes));
            }
            Content::End => {
                self.cut(event, |direction| direction.frames.end(), &mut see);
                see(What::End);
                self.ended(event);
            }
            Content::Reset => {
                self.connections.remove(&event.connection);
                see(What::Reset);
            }
            _ => {}
        }
    }

    /// Ends the reading. Calls `see` with each frame that the end of the recording cuts.
    pub(crate) fn finish(self, mut see: impl FnMut(Entry)) {
        let mut connections: Vec<_> = self.connections.into_iter().collect();
        connections.sort_by_key(|(number, _)| *number);
        for (number, connection) in connections {
            for (from, mut direction) in [(Side::Caller, connection.caller), (Side::Service, connection.service)] {
                if let Some(frame) = direction.frames.end().filter(|_| !direction.is_tls) {
                    see(Entry {
                        at: None,
                        connection: number,
                        from,
                        what: broken(frame, Diagnosis::Cut),
                    });
                }
            }
        }
    }

    fn segment(&mut self, event: &Event, bytes: &[u8], mut see: impl FnMut(What)) {
        let connection = self.connections.entry(event.connection).or_default();
        let direction = connection.direction(event.from);
        if !direction.has_begun {
            direction.has_begun = true;
            direction.is_tls = diagnosis::is_tls(bytes);
            if direction.is_tls {
                see(What::Tls);
            }
        }
        if direction.is_tls {
            return;
        }
        direction.frames.push(bytes);
        while let Some(piece) = connection.direction(event.from).frames.next() {
            match piece {
                Piece::Skipped(bytes) => see(What::Skipped(bytes)),
                Piece::Broken { frame, why } if !why.is_of_header_alone() => see(broken(frame, why)),
                Piece::Broken { frame, why } => {
                    // Nest would not read it; a person wants to see what was meant.
                    let seen = connection.packet(event, frame, &mut self.patterns, &mut self.calls);
                    see(What::Packet(Box::new(Seen { why: Some(why), ..seen })));
                }
                Piece::Frame(frame) => {
                    let seen = connection.packet(event, frame, &mut self.patterns, &mut self.calls);
                    see(What::Packet(Box::new(seen)));
                }
            }
        }
    }

    /// Reports the frame that an end or a gap cuts.
    fn cut(&mut self, event: &Event, end: impl FnOnce(&mut Direction) -> Option<Frame>, see: &mut impl FnMut(What)) {
        let connection = self.connections.entry(event.connection).or_default();
        let direction = connection.direction(event.from);
        direction.has_begun = true;
        if let Some(frame) = end(direction).filter(|_| !direction.is_tls) {
            see(broken(frame, Diagnosis::Cut));
        }
    }

    /// Forgets a connection whose both sides have closed.
    fn ended(&mut self, event: &Event) {
        if let Some(connection) = self.connections.get_mut(&event.connection) {
            connection.direction(event.from).has_ended = true;
            if connection.caller.has_ended && connection.service.has_ended {
                self.connections.remove(&event.connection);
            }
        }
    }
}

impl Connection {
    fn direction(&mut self, from: Side) -> &mut Direction {
        match from {
            Side::Caller => &mut self.caller,
            Side::Service => &mut self.service,
        }
    }

    fn packet(
        &mut self,
        event: &Event,
        frame: Frame,
        patterns: &mut HashMap<Box<str>, Arc<str>>,
        calls: &mut u64,
    ) -> Seen {
        let Some(packet) = Packet::read(event.from, &frame.text) else {
            return unreadable(frame, Diagnosis::NotJson);
        };
        let mut seen = Seen {
            kind: packet.kind,
            frame,
            why: None,
            id: packet.id,
            pattern: packet.pattern.map(|pattern| shared(patterns, pattern)),
            payload: packet.payload,
            metadata: packet.metadata,
            call: None,
            latency: None,
        };
        match (event.from, &seen.id, &seen.pattern) {
            (Side::Caller, Some(id), Some(pattern)) => {
                *calls += 1;
                seen.call = Some(*calls);
                let call = Call {
                    number: *calls,
                    pattern: Arc::clone(pattern),
                    at: event.at,
                };
                self.calls.begin(id, call);
            }
            (Side::Service, Some(id), _) => {
                if let Some(call) = self.calls.reply(id, seen.kind.is_final()) {
                    seen.call = Some(call.number);
                    seen.latency = event.at.zip(call.at).map(|(now, then)| now.saturating_sub(then));
                    seen.pattern = Some(call.pattern);
                }
            }
            _ => {}
        }
        seen
    }
}

fn shared(patterns: &mut HashMap<Box<str>, Arc<str>>, pattern: String) -> Arc<str> {
    if let Some(known) = patterns.get(pattern.as_str()) {
        return Arc::clone(known);
    }
    let new: Arc<str> = pattern.as_str().into();
    if patterns.len() < MAX_PATTERNS {
        patterns.insert(pattern.into(), Arc::clone(&new));
    }
    new
}

fn broken(frame: Frame, why: Diagnosis) -> What {
    What::Packet(Box::new(unreadable(frame, why)))
}

fn unreadable(frame: Frame, why: Diagnosis) -> Seen {
    Seen {
        kind: Kind::Broken,
        frame,
        why: Some(why),
        id: None,
        pattern: None,
        payload: None,
        metadata: None,
        call: None,
        latency: None,
    }
}
