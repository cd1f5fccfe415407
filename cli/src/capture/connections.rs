//! The connections of a capture, by the addresses and ports of both sides.
//!
//! Memory is bounded whatever a capture holds: a connection that is closed is soon forgotten, of
//! open ones there is a maximum number, and what waits for missing segments has a maximum size, for
//! each direction (`stream`) and in total.

use std::{
    collections::{BTreeSet, HashMap, VecDeque},
    net::SocketAddr,
    time::Duration,
};

use nest_wire::recording::Side;

use super::{
    connection::{Connection, Relation},
    event::{Action, Traffic},
    segment::Segment,
};

/// Maximum number of connections. When there are more, those that were silent for the longest are
/// forgotten.
const MAX_CONNECTIONS: usize = 16_384;
/// Maximum number of closed connections that are kept, to recognise their late segments.
const MAX_CLOSED: usize = 1024;
/// Maximum size, in bytes, of what waits in all connections.
const MAX_WAITING_BYTES: usize = 64 * 1024 * 1024;

/// The connections.
#[derive(Debug, Default)]
pub(super) struct Connections {
    /// The port of the service, if the user gave it: only its connections are followed.
    port: Option<u16>,
    known: HashMap<Pair, Connection>,
    /// Closed connections, by age.
    closed: VecDeque<(Pair, u32)>,
    /// Number of connections so far.
    count: u32,
    /// Number of segments so far.
    segments: u64,
    /// Size, in bytes, of what waits.
    waiting_bytes: usize,
    /// The ports of services, of all connections.
    ports: BTreeSet<u16>,
}

/// The two ends of a connection, the lower first: the same in both directions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Pair(SocketAddr, SocketAddr);

/// Where events go, each with the time of the segment that causes it.
struct Output<'a> {
    at: Duration,
    ready: &'a mut VecDeque<Traffic>,
}

impl Connections {
    pub(super) fn new(port: Option<u16>) -> Self {
        Self {
            port,
            ..Self::default()
        }
    }

    /// Adds a segment, captured at this time. Appends what it brings forth.
    pub(super) fn add(&mut self, at: Duration, segment: &Segment<'_>, ready: &mut VecDeque<Traffic>) {
        self.segments += 1;
        let mut output = Output { at, ready };
        let pair = Pair::of(segment);
        let relation = self.known.get(&pair).map(|connection| connection.relation(segment));
        if relation.is_none() || segment.is_syn {
            self.ports.insert(self.ends(segment).1.port());
        }
        if self.port.is_some_and(|port| !pair.has(port)) {
            return;
        }
        match relation {
            Some(Relation::Belongs) => self.follow(pair, segment, &mut output),
            Some(Relation::Late) => {}
            Some(Relation::Next) | None => {
                self.forget(pair, &mut output);
                // Anything else is what follows an end, and tells nothing.
                if segment.is_syn || (segment.length() > 0 && !segment.is_reset) {
                    self.make_room(&mut output);
                    self.open(pair, segment, &mut output);
                    self.follow(pair, segment, &mut output);
                }
            }
        }
    }

    /// Appends what waits for segments that will not come: the capture is over.
    pub(super) fn finish(&mut self, at: Duration, ready: &mut VecDeque<Traffic>) {
        let mut output = Output { at, ready };
        let mut connections: Vec<_> = self.known.drain().map(|(_, connection)| connection).collect();
        connections.sort_unstable_by_key(|connection| connection.number);
        for mut connection in connections {
            let number = connection.number;
            connection.finish(&mut |from, action| output.push(number, from, action));
        }
    }

    /// Returns the ports of services, as far as segments tell.
    pub(super) fn ports(&mut self) -> BTreeSet<u16> {
        std::mem::take(&mut self.ports)
    }

    fn open(&mut self, pair: Pair, segment: &Segment<'_>, output: &mut Output<'_>) {
        self.count += 1;
        let (caller, service) = self.ends(segment);
        let connection = Connection::new(self.count, caller, segment);
        let began = connection.began();
        output.push(self.count, Side::Caller, Action::Opened { caller, service, began });
        self.known.insert(pair, connection);
    }

    /// Returns the caller and the service of a connection whose first segment is this one.
    fn ends(&self, segment: &Segment<'_>) -> (SocketAddr, SocketAddr) {
        let (from, to) = (segment.source, segment.destination);
        let is_from_caller = match (segment.is_syn, segment.acknowledgment, self.port) {
            (true, None, _) => true,
            (true, Some(_), _) => false,
            (false, _, Some(port)) if (from.port() == port) != (to.port() == port) => to.port() == port,
            // Services have lower ports than the system gives to those who call.
            (false, ..) => to.port() <= from.port(),
        };
        if is_from_caller { (from, to) } else { (to, from) }
    }

    fn follow(&mut self, pair: Pair, segment: &Segment<'_>, output: &mut Output<'_>) {
        let Some(connection) = self.known.get_mut(&pair) else {
            return;
        };
        let number = connection.number;
        let mut emit = |from, action| output.push(number, from, action);
        connection.last = self.segments;
        self.waiting_bytes -= connection.waiting_bytes();
        connection.add(segment, &mut emit);
        if self.waiting_bytes + connection.waiting_bytes() > MAX_WAITING_BYTES {
            connection.skip(&mut emit);
        }
        self.waiting_bytes += connection.waiting_bytes();
        if connection.is_closed {
            self.closed.push_back((pair, number));
            self.forget_closed();
        }
    }

    /// Forgets the connection that was closed first, if too many are kept.
    fn forget_closed(&mut self) {
        if self.closed.len() > MAX_CLOSED
            && let Some((pair, number)) = self.closed.pop_front()
            && self.known.get(&pair).is_some_and(|known| known.number == number)
        {
            self.known.remove(&pair);
        }
    }

    /// Forgets a connection whose ends serve another one now, or that was silent for long.
    fn forget(&mut self, pair: Pair, output: &mut Output<'_>) {
        let Some(mut connection) = self.known.remove(&pair) else {
            return;
        };
        let number = connection.number;
        self.waiting_bytes -= connection.waiting_bytes();
        connection.finish(&mut |from, action| output.push(number, from, action));
        if !connection.is_closed {
            output.push(number, Side::Caller, Action::Forgotten);
        }
    }

    /// Forgets a quarter of the connections if there are too many. So many at once, because to find
    /// them takes a look at all.
    fn make_room(&mut self, output: &mut Output<'_>) {
        if self.known.len() < MAX_CONNECTIONS {
            return;
        }
        let mut by_age: Vec<_> = self.known.iter().map(|(pair, known)| (known.last, *pair)).collect();
        by_age.sort_unstable_by_key(|(last, _)| *last);
        for (_, pair) in by_age.into_iter().take(MAX_CONNECTIONS / 4) {
            self.forget(pair, output);
        }
    }
}

impl Pair {
    fn of(segment: &Segment<'_>) -> Self {
        let (from, to) = (segment.source, segment.destination);
        Self(from.min(to), from.max(to))
    }

    const fn has(&self, port: u16) -> bool {
        self.0.port() == port || self.1.port() == port
    }
}

impl Output<'_> {
    fn push(&mut self, connection: u32, from: Side, action: Action) {
        self.ready.push_back(Traffic {
            at: self.at,
            connection,
            from,
            action,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::written::{Old, Tcp, caller, line, seen, service},
        *,
    };

    const OPENED: &str = "1 opened 10.0.0.1:40000 -> 10.0.0.2:3000 Handshake";

    fn handshake() -> Vec<Tcp> {
        vec![caller(100).syn(), service(900).ack(101).syn(), caller(101).ack(901)]
    }

    fn seen_after_handshake(packets: &[Tcp]) -> Vec<String> {
        let mut all = handshake();
        all.extend_from_slice(packets);
        let mut lines = seen(&Old::of(&all).bytes());
        assert_eq!(lines.remove(0), OPENED);
        lines
    }

    #[test]
    fn a_reset_brings_out_what_waits_and_ends_both_directions() {
        let lines = seen_after_handshake(&[
            caller(104).ack(901).data(b"late"),
            service(901).ack(101).rst(),
            caller(108).ack(901).data(b"in flight"),
            service(901).rst(),
        ]);
        assert_eq!(lines, ["1 caller missing 3", "1 caller late", "1 service reset"]);
    }

    #[test]
    fn a_refused_connection_is_opened_and_reset() {
        let file = Old::of(&[caller(100).syn(), service(0).ack(101).rst()]);
        assert_eq!(seen(&file.bytes()), [OPENED, "1 service reset"]);
    }

    #[test]
    fn each_packet_captured_twice_shows_the_same() {
        let rest = [
            caller(101).ack(901).data(b"hello"),
            service(901).ack(106).data(b"hi").fin(),
            caller(106).ack(904).fin(),
            service(904).ack(107),
        ];
        let twice: Vec<_> = handshake()
            .iter()
            .chain(&rest)
            .flat_map(|packet| [packet.clone(), packet.clone()])
            .collect();
        let mut lines = seen_after_handshake(&rest);
        lines.insert(0, OPENED.to_owned());
        assert_eq!(seen(&Old::of(&twice).bytes()), lines);
    }

    #[test]
    fn the_same_ports_after_an_end_are_another_connection() {
        let lines = seen_after_handshake(&[
            caller(101).ack(901).fin(),
            service(901).ack(102).fin(),
            caller(102).ack(902),
            caller(500_000).syn(),
            service(700_000).ack(500_001).syn(),
            caller(500_001).ack(700_001).data(b"again"),
        ]);
        assert_eq!(
            lines,
            [
                "1 caller ended",
                "1 service ended",
                "2 opened 10.0.0.1:40000 -> 10.0.0.2:3000 Handshake",
                "2 caller again"
            ]
        );
    }

    #[test]
    fn a_new_handshake_forgets_the_connection_whose_end_was_not_captured() {
        let lines = seen_after_handshake(&[caller(103).ack(901).data(b"old"), caller(500_000).syn()]);
        assert_eq!(
            lines,
            [
                "1 caller missing 2",
                "1 caller old",
                "1 forgotten",
                "2 opened 10.0.0.1:40000 -> 10.0.0.2:3000 Handshake"
            ]
        );
    }

    #[test]
    fn bytes_far_from_all_that_was_sent_are_another_connection_in_the_middle() {
        let ends = [caller(101).ack(901).fin(), service(901).ack(102).fin()];
        let far = [caller(1_500_000_000).data(b"new")];
        let opened = "2 opened 10.0.0.1:40000 -> 10.0.0.2:3000 Middle";
        let after_end = seen_after_handshake(&[&ends[..], &far].concat());
        assert_eq!(after_end[2..], [opened, "2 caller new"]);
        assert_eq!(seen_after_handshake(&far), ["1 forgotten", opened, "2 caller new"]);
    }

    #[test]
    fn a_connection_is_known_by_the_answer_to_its_handshake_alone() {
        let file = Old::of(&[
            service(900).ack(101).syn(),
            caller(100).syn(),
            caller(103).ack(901).data(b"llo"),
            caller(101).ack(901).data(b"he"),
        ]);
        assert_eq!(seen(&file.bytes()), [OPENED, "1 caller he", "1 caller llo"]);
    }

    #[test]
    fn a_service_whose_first_segments_were_not_captured_misses_them() {
        let file = Old::of(&[
            caller(100).syn(),
            caller(101).ack(901),
            service(904).ack(101).data(b"lo"),
            caller(101).ack(906),
        ]);
        assert_eq!(seen(&file.bytes()), [OPENED, "1 service missing 3", "1 service lo"]);
    }

    #[test]
    fn data_in_a_handshake_is_kept() {
        let file = Old::of(&[caller(100).syn().data(b"fast"), service(900).ack(105).syn()]);
        assert_eq!(seen(&file.bytes()), [OPENED, "1 caller fast"]);
    }

    #[test]
    fn segments_that_follow_an_end_that_was_not_captured_open_nothing() {
        let file = Old::of(&[
            caller(5).ack(7),
            service(7).ack(6).fin(),
            caller(6).rst(),
            caller(6).rst().data(b"why"),
        ]);
        assert!(seen(&file.bytes()).is_empty());
    }

    /// Adds the segment with this source port.
    fn add(connections: &mut Connections, port: u16, address: u8, packet: &Tcp) -> Vec<String> {
        let mut ready = VecDeque::new();
        let segment = Segment {
            source: ([10, 0, 0, address], port).into(),
            destination: packet.to,
            sequence: 1,
            acknowledgment: None,
            is_syn: true,
            is_fin: false,
            is_reset: false,
            payload: b"",
            cut: 0,
            snap_length: 0,
        };
        connections.add(Duration::ZERO, &segment, &mut ready);
        ready.iter().map(line).collect()
    }

    #[test]
    fn of_too_many_connections_those_silent_for_the_longest_are_forgotten() {
        let mut connections = Connections::default();
        let packet = caller(1);
        for index in 0..MAX_CONNECTIONS {
            add(&mut connections, index as u16, 3, &packet);
        }
        // The first sends again; then one more opens.
        add(&mut connections, 0, 3, &packet);
        let lines = add(&mut connections, 1, 4, &packet);
        assert_eq!(lines.len(), MAX_CONNECTIONS / 4 + 1);
        assert_eq!(lines[0], "2 forgotten");
        assert_eq!(connections.known.len(), MAX_CONNECTIONS * 3 / 4 + 1);
        assert_eq!(connections.waiting_bytes, 0);
    }

    #[test]
    fn closed_connections_are_kept_only_for_a_while() {
        let mut connections = Connections::default();
        let mut ready = VecDeque::new();
        for port in 0..MAX_CLOSED as u16 + 100 {
            let segment = Segment {
                source: ([10, 0, 0, 1], port).into(),
                destination: ([10, 0, 0, 2], 3000).into(),
                sequence: 1,
                acknowledgment: None,
                is_syn: true,
                is_fin: false,
                is_reset: false,
                payload: b"",
                cut: 0,
                snap_length: 0,
            };
            let reset = Segment {
                is_syn: false,
                is_reset: true,
                ..segment
            };
            connections.add(Duration::ZERO, &segment, &mut ready);
            connections.add(Duration::ZERO, &reset, &mut ready);
        }
        assert_eq!(
            (connections.known.len(), connections.closed.len()),
            (MAX_CLOSED, MAX_CLOSED)
        );
    }

    #[test]
    fn what_waits_is_bounded_in_total() {
        let mut connections = Connections::default();
        let mut ready = VecDeque::new();
        let payload = vec![b'x'; 60_000];
        for (port, sequence) in (0..80).flat_map(|port| (0..18_u32).map(move |index| (port, index * 60_000))) {
            let mut segment = Segment {
                source: ([10, 0, 0, 1], port).into(),
                destination: ([10, 0, 0, 2], 3000).into(),
                sequence: 0,
                acknowledgment: None,
                is_syn: sequence == 0,
                is_fin: false,
                is_reset: false,
                payload: b"",
                cut: 0,
                snap_length: 0,
            };
            if sequence > 0 {
                (segment.sequence, segment.payload) = (sequence, &payload);
            }
            connections.add(Duration::ZERO, &segment, &mut ready);
            let waiting: usize = connections.known.values().map(Connection::waiting_bytes).sum();
            assert_eq!(connections.waiting_bytes, waiting);
            assert!(waiting <= MAX_WAITING_BYTES);
        }
        assert!(ready.iter().any(|traffic| matches!(traffic.action, Action::Missing(_))));
    }
}
