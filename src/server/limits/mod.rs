//! How much a service takes on. Nest has none of these limits; without them nothing is counted and no timer runs.
//!
//! What a single link may make the process hold is limited elsewhere: [`connection::TransportConfig`](crate::connection::TransportConfig).

pub(in crate::server) mod connection;
pub(in crate::server) mod events;
pub(in crate::server) mod exceeded;
pub(in crate::server) mod held;
pub(in crate::server) mod limiter;
pub(in crate::server) mod permit;
pub(in crate::server) mod reject;

use std::{num::NonZeroUsize, time::Duration};

pub(super) use crate::server::limits::connection::ConnectionLimiter;
pub(super) use crate::server::limits::connection::Expired;
pub(super) use crate::server::limits::exceeded::LimitExceeded;
pub(super) use crate::server::limits::held::hold;
pub(super) use crate::server::limits::limiter::Admission;
pub(super) use crate::server::limits::limiter::Limiter;
pub(super) use crate::server::limits::permit::Permit;
pub(super) use crate::server::limits::reject::reject;
pub(super) use crate::server::limits::reject::reject_late;

/// Limits of a service, for [`Serve::limits`](crate::server::Serve::limits). By default there are none, as in Nest.
///
/// Whoever is past one hears of it: a request is answered with an error, `{"status":"error","message":"too many …"}`,
/// and the log has a warning, at most one a second of each kind.
///
/// ```
/// use std::time::Duration;
/// use nest_wire::server::Limits;
///
/// let limits = Limits::default()
///     .max_connections(10_000)
///     .max_connections_per_peer(100)
///     .max_in_flight(50_000)
///     .max_in_flight_per_connection(1_000)
///     .idle_timeout(Duration::from_secs(600));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// How many connections may be open at once.
    ///
    /// Against callers that open connections until memory or file descriptors run out. Raise it with the process's limit
    /// of descriptors (`ulimit -n`), lower it to what memory allows when all of them are busy. A connection past it is
    /// accepted, its first requests are answered with an error, and it is closed; when many such arrive at once, some
    /// are closed without a word. Default: no limit.
    pub max_connections: Option<NonZeroUsize>,
    /// How many connections may be open at once from one IP address; from one network of 64 bits with IPv6, of which a
    /// caller usually has as many addresses as it likes.
    ///
    /// Against one caller that takes all [`max_connections`](Self::max_connections) for itself. A Nest `ClientProxy` opens
    /// one; raise it where many callers share an address (behind a proxy or NAT). Past it happens the same as past
    /// `max_connections`. Callers without an IP address, as those of Unix sockets, are not counted. Default: no limit.
    pub max_connections_per_peer: Option<NonZeroUsize>,
    /// How many requests and events of one connection may be in flight at once: their handlers at work, or their streams
    /// not at their end.
    ///
    /// Against one caller that asks faster than it is answered, and so fills the memory with waiting handlers. Raise it
    /// for callers that gather the requests of many users over one connection, as Nest's do; lower it to spread what
    /// there is over more callers. A request past it is answered with an error, an event is dropped. Default: no limit.
    pub max_in_flight_per_connection: Option<NonZeroUsize>,
    /// How many requests and events may be in flight at once on all connections, those included whose connection has
    /// ended while a handler was at work.
    ///
    /// Against more load than there is memory for, however many callers share in it: callers that ask and leave, too.
    /// Raise or lower it with the memory that a waiting handler takes. Past it happens the same as past
    /// [`max_in_flight_per_connection`](Self::max_in_flight_per_connection). Default: no limit.
    pub max_in_flight: Option<NonZeroUsize>,
    /// For how long a connection may be idle, that is: nothing in flight, and nothing received. It is then closed, as in
    /// a graceful shutdown. A peer that takes nothing of what waits for it for so long counts as idle too and is cut.
    ///
    /// Against connections whose caller has vanished without a word, and those that are opened to sit there. Keep it
    /// longer than the pauses of honest callers: a Nest `ClientProxy` keeps its connection open and idle, and connects
    /// again with the next call. Default: no limit.
    pub idle_timeout: Option<Duration>,
    /// How old a connection may become; up to a tenth more or less, at random, so that callers who came together do not
    /// all come back together. It then goes on answering and closes at its first quiet moment, as in a graceful shutdown.
    ///
    /// Set it so that callers, when they connect again, spread over the services there are by then; and against peers
    /// that trickle bytes to appear busy. Keep it in minutes: a caller without any pause loses the calls that cross the
    /// close. Default: no limit.
    pub max_age: Option<Duration>,
    /// How long a connection that is too old, or idle, may take to close. It is then closed though something is in flight:
    /// shortly before, new requests are answered with an error, `{"status":"error","message":"the service is stopping"}`.
    ///
    /// Raise it for handlers and streams that take longer; [`Duration::MAX`] never expires. Lower it to be rid sooner of
    /// callers that always have something in flight. Default: 30 seconds.
    pub max_age_grace: Duration,
}

impl Limits {
    /// Sets [`Limits::max_connections`]; 0 counts as 1.
    #[must_use]
    pub const fn max_connections(mut self, connections: usize) -> Self {
        self.max_connections = Some(at_least_one(connections));
        self
    }

    /// Sets [`Limits::max_connections_per_peer`]; 0 counts as 1.
    #[must_use]
    pub const fn max_connections_per_peer(mut self, connections: usize) -> Self {
        self.max_connections_per_peer = Some(at_least_one(connections));
        self
    }

    /// Sets [`Limits::max_in_flight_per_connection`]; 0 counts as 1.
    #[must_use]
    pub const fn max_in_flight_per_connection(mut self, requests: usize) -> Self {
        self.max_in_flight_per_connection = Some(at_least_one(requests));
        self
    }

    /// Sets [`Limits::max_in_flight`]; 0 counts as 1.
    #[must_use]
    pub const fn max_in_flight(mut self, requests: usize) -> Self {
        self.max_in_flight = Some(at_least_one(requests));
        self
    }

    /// Sets [`Limits::idle_timeout`]; less than a millisecond counts as one.
    #[must_use]
    pub const fn idle_timeout(mut self, timeout: Duration) -> Self {
        self.idle_timeout = Some(timeout);
        self
    }

    /// Sets [`Limits::max_age`].
    #[must_use]
    pub const fn max_age(mut self, age: Duration) -> Self {
        self.max_age = Some(age);
        self
    }

    /// Sets [`Limits::max_age_grace`].
    #[must_use]
    pub const fn max_age_grace(mut self, grace: Duration) -> Self {
        self.max_age_grace = grace;
        self
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_connections: None,
            max_connections_per_peer: None,
            max_in_flight_per_connection: None,
            max_in_flight: None,
            idle_timeout: None,
            max_age: None,
            max_age_grace: Duration::from_secs(30),
        }
    }
}

const fn at_least_one(count: usize) -> NonZeroUsize {
    match NonZeroUsize::new(count) {
        Some(count) => count,
        None => NonZeroUsize::MIN,
    }
}
