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
