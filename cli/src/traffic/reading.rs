//! Reads events one after the other and gives an entry for each thing to see.

use std::{collections::HashMap, sync::Arc, time::Duration};

use nest_wire::recording::{Content, Event, Side};

use super::{
    busy::Busy,
    calls::{Call, Calls},
    diagnosis::{self, Diagnosis},
    entry::{Entry, Seen, What},
    frames::{Frame, Frames, Piece},
    names::Names,
    packet::{Kind, Packet},
    skim::{self, Skimmed},
    summary::Summary,
};

/// What is known of the traffic so far.
#[derive(Debug, Default)]
pub(crate) struct Reading {
    connections: HashMap<u32, Connection>,
    patterns: Names,
    /// Number of calls so far.
    calls: u64,
}

#[derive(Debug, Default)]
struct Connection {
    caller: Direction,
    service: Direction,
    calls: Calls,
    /// True if something has come that could not be read.
    is_unreadable: bool,
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
                self.connection(event.connection).is_unreadable = true;
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

    /// Reads one event and counts what it completes: what [`read`](Self::read) and
    /// [`Summary::add`] do, at a fraction of the cost.
    pub(crate) fn count(&mut self, event: &Event, summary: &mut Summary) {
        let Content::Segment(bytes) = &event.content else {
            return self.read(event, |entry| summary.add(&entry));
        };
        let mut rest = bytes.clone();
        loop {
            let skimmed = self.skim(event, &rest, summary);
            let _ = rest.split_to(skimmed);
            if rest.is_empty() {
                return;
            }
            // What the quick look leaves is read in full, but no more of it than needed.
            let frames = &self.connection(event.connection).direction(event.from).frames;
            let length = frames.certain(&rest).unwrap_or(rest.len()).min(rest.len());
            let mut part = event.clone();
            part.content = Content::Segment(rest.split_to(length));
            self.read(&part, |entry| summary.add(&entry));
        }
    }

    /// Counts the frames of the usual form that these bytes begin with. Returns their length.
    fn skim(&mut self, event: &Event, bytes: &[u8], summary: &mut Summary) -> usize {
        let connection = self.connections.entry(event.connection).or_default();
        let direction = connection.direction(event.from);
        if direction.is_tls || !direction.frames.is_between_frames() {
            return 0;
        }
        let mut done = 0;
        while let Some((skimmed, length)) = skim::first(event.from, &bytes[done..]) {
            done += length;
            summary.event(event.at, event.connection);
            match skimmed {
                Skimmed::Asked { pattern, id } => {
                    let route = self.patterns.route(pattern);
                    let kind = match id {
                        Some(id) => {
                            self.calls += 1;
                            connection.begin(self.calls, id, &route, event.at);
                            Kind::Request
                        }
                        None => Kind::Event,
                    };
                    summary.packet(kind, Some(&route), None);
                }
                Skimmed::Answered { id, is_final } => {
                    let kind = if is_final { Kind::Last } else { Kind::Value };
                    let call = connection.calls.reply(id, is_final);
                    let took = call.as_ref().and_then(|call| latency(event.at, call.at));
                    summary.packet(kind, call.as_ref().map(|call| &call.pattern), took);
                }
            }
        }
        connection.direction(event.from).has_begun |= done > 0;
        done
    }

    fn connection(&mut self, number: u32) -> &mut Connection {
        self.connections.entry(number).or_default()
    }

    /// Returns the connections that are busy.
    pub(crate) fn busy(&self) -> Busy {
        let which = |is_busy: fn(&Connection) -> bool| {
            let busy = self
                .connections
                .iter()
                .filter(move |(_, connection)| is_busy(connection));
            busy.map(|(number, _)| *number).collect()
        };
        Busy {
            calls: which(|connection| !connection.calls.is_empty() && !connection.service.has_ended),
            frames: which(Connection::has_partial_frame),
            unreadable: which(|connection| connection.is_unreadable && !connection.service.has_ended),
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
            connection.is_unreadable = true;
            return;
        }
        direction.frames.push(bytes);
        while let Some(piece) = connection.direction(event.from).frames.next() {
            connection.is_unreadable |= !matches!(piece, Piece::Frame(_));
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
    fn has_partial_frame(&self) -> bool {
        let directions = [&self.caller, &self.service];
        directions.iter().any(|direction| direction.frames.has_partial_frame())
    }

    fn direction(&mut self, from: Side) -> &mut Direction {
        match from {
            Side::Caller => &mut self.caller,
            Side::Service => &mut self.service,
        }
    }

    fn packet(&mut self, event: &Event, frame: Frame, patterns: &mut Names, calls: &mut u64) -> Seen {
        let Some(packet) = Packet::read(event.from, &frame.text) else {
            return unreadable(frame, Diagnosis::NotJson);
        };
        let mut seen = Seen {
            kind: packet.kind,
            frame,
            why: None,
            id: packet.id,
            pattern: packet.pattern.map(|pattern| patterns.shared(&pattern)),
            payload: packet.payload,
            metadata: packet.metadata,
            call: None,
            same_id: None,
            latency: None,
        };
        match (event.from, &seen.id, &seen.pattern) {
            (Side::Caller, Some(id), Some(pattern)) => {
                *calls += 1;
                seen.call = Some(*calls);
                seen.same_id = self.begin(*calls, id.as_str(), pattern, event.at);
            }
            (Side::Service, Some(id), _) => {
                if let Some(call) = self.calls.reply(id.as_str(), seen.kind.is_final()) {
                    seen.call = Some(call.number);
                    seen.latency = latency(event.at, call.at);
                    seen.pattern = Some(call.pattern);
                }
            }
            _ => {}
        }
        seen
    }

    /// Adds a call. Returns the number of the one that waited under the same id.
    fn begin(&mut self, number: u64, id: &str, pattern: &Arc<str>, at: Option<Duration>) -> Option<u64> {
        let pattern = Arc::clone(pattern);
        let before = self.calls.begin(id, Call { number, pattern, at });
        before.map(|call| call.number)
    }
}

fn latency(now: Option<Duration>, then: Option<Duration>) -> Option<Duration> {
    now.zip(then).map(|(now, then)| now.saturating_sub(then))
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
        same_id: None,
        latency: None,
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    /// Frames as they come and as they should not come; each is read in full and counted.
    const CALLERS: &[&str] = &[
        r#"{"pattern":"sum","data":[1,2,3],"id":"a"}"#,
        r#"{"pattern":{"cmd":"sum"},"data":"求和😀","id":"b"}"#,
        r#"{"pattern":{"cmd" : "sum"},"data":1,"id":"c"}"#,
        r#"{"pattern":"1.50","data":1,"id":7}"#,
        r#"{"pattern":"log","data":{"id":null}}"#,
        r#"{"pattern":"log","data":1,"id":null}"#,
        r#"{"pattern":"a","pattern":"b","id":"d"}"#,
        r#"{"data":1,"id":"e"}"#,
        r#"{"pattern":"\u0061","id":"\u0061"}"#,
        r#"{"pattern":"sum","id":"f","more":1}"#,
        r#"{"pattern":null,"id":"g"}"#,
        "null",
    ];
    const SERVICES: &[&str] = &[
        r#"{"response":6,"isDisposed":true,"id":"a"}"#,
        r#"{"response":"和","id":"b"}"#,
        r#"{"id":"b"}"#,
        r#"{"isDisposed":true,"id":"b"}"#,
        r#"{"err":"no","isDisposed":true,"id":"c"}"#,
        r#"{"response":1,"isDisposed":1,"id":7.0}"#,
        r#"{"id":null,"response":1,"isDisposed":true}"#,
        r#"{"id":"d","status":"error","err":"There is no matching message handler defined in the remote service."}"#,
        r#"{"isDisposed":true,"id":"a","other":1}"#,
        r#"{"isDisposed":true,"response":2,"id":"\u0061"}"#,
        "[]",
    ];

    fn frames(texts: &[&str], first: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        for text in texts.iter().cycle().skip(first).take(texts.len()) {
            bytes.extend(format!("{}#{text}", nest_wire::codec::units(text)).into_bytes());
        }
        bytes
    }

    fn summaries(caller: &[u8], service: &[u8], length: usize) -> [String; 2] {
        let mut read = (Reading::default(), Summary::default());
        let mut counted = (Reading::default(), Summary::default());
        let mut at = 0;
        for (from, bytes) in [(Side::Caller, caller), (Side::Service, service)] {
            for part in bytes.chunks(length) {
                at += 100;
                let content = Content::Segment(Bytes::copy_from_slice(part));
                let event = Event::new(1, from, content).at(Duration::from_micros(at));
                read.0.read(&event, |entry| read.1.add(&entry));
                counted.0.count(&event, &mut counted.1);
            }
        }
        [read.1, counted.1].map(|summary| format!("{} {}\n{summary}", summary.packets, summary.broken))
    }

    #[test]
    fn what_is_counted_is_what_reading_in_full_would_count() {
        for first in 0..CALLERS.len() {
            let (caller, service) = (frames(CALLERS, first), frames(SERVICES, first));
            for length in (1..60).chain([500, caller.len() + service.len()]) {
                let [read, counted] = summaries(&caller, &service, length);
                assert_eq!(counted, read, "{first} {length}");
            }
        }
    }

    #[test]
    fn a_connection_is_busy_until_its_calls_are_answered_and_its_frames_whole() {
        let mut reading = Reading::default();
        let mut busy = |connection, from, bytes: &str| {
            let content = Content::Segment(Bytes::copy_from_slice(bytes.as_bytes()));
            reading.read(&Event::new(connection, from, content), |_| {});
            let busy = reading.busy();
            [busy.calls, busy.frames, busy.unreadable].map(|of| of.contains(&connection))
        };
        let call = r##"41#{"pattern":"sum","data":[1,2,3],"id":"a"}"##;
        assert_eq!(busy(1, Side::Caller, &call[..9]), [false, true, false]);
        assert_eq!(busy(1, Side::Caller, &call[9..]), [true, false, false]);
        let reply = r##"41#{"response":6,"isDisposed":true,"id":"a"}"##;
        assert_eq!(busy(1, Side::Service, reply), [false, false, false]);
        assert_eq!(
            busy(1, Side::Service, "\n"),
            [false, false, false],
            "white space begins no frame"
        );
        assert_eq!(busy(2, Side::Caller, "\u{16}\u{3}\u{1}\0\u{2}hi"), [false, false, true]);
        assert_eq!(busy(3, Side::Caller, "5#hello"), [false, false, true]);
    }

    #[test]
    fn broken_frames_are_counted_as_they_are_read() {
        let good = r##"41#{"pattern":"sum","data":[1,2,3],"id":"a"}"##;
        for broken in ["5#hello", "0#", "GET / HTTP/1.1\r\n\r\n", "99#{\"a\":1}", "3#{\"a\":1}"] {
            let bytes = format!("{good}{broken}{good}{good}");
            let [read, counted] = summaries(bytes.as_bytes(), b"", bytes.len());
            assert_eq!(counted, read, "{broken}");
        }
    }
}
