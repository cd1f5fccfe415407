//! Limits of what a service takes on. Nest has none of these. Without limits, nothing is counted
//! and no timer runs.
//!
//! The bytes that a single connection may make the process hold are limited by
//! [`connection::TransportConfig`](crate::connection::TransportConfig).

pub(in crate::server) mod connection;
pub(in crate::server) mod events;
pub(in crate::server) mod exceeded;
pub(in crate::server) mod limiter;
pub(in crate::server) mod permit;
pub(in crate::server) mod reject;

use std::{num::NonZeroUsize, time::Duration};

pub(super) use crate::server::limits::connection::ConnectionLimiter;
pub(super) use crate::server::limits::connection::Expired;
pub(super) use crate::server::limits::exceeded::LimitExceeded;
pub(super) use crate::server::limits::limiter::Admission;
pub(super) use crate::server::limits::limiter::Limiter;
pub(super) use crate::server::limits::reject::reject;
pub(super) use crate::server::limits::reject::reject_late;

/// Limits of a service, for [`Serve::limits`](crate::server::Serve::limits). By default there are
/// none, as in Nest.
///
/// A caller that exceeds a limit receives an error, `{"status":"error","message":"too many …"}`,
/// for each request. The log gets a warning, at most one per second of each kind.
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
    /// Maximum number of open connections.
    ///
    /// Protects against callers that open connections until memory or file descriptors run out.
    /// Raise it together with the process's limit of descriptors (`ulimit -n`). Lower it to the
    /// number of busy connections that fit into memory. A connection that exceeds the limit is
    /// accepted, its first requests are answered with an error, and it is closed. If many of these
    /// arrive at once, some are closed without an error reply. Default: no limit.
    pub max_connections: Option<NonZeroUsize>,
    /// Maximum number of open connections from one IP address. IPv6 addresses are counted by
    /// network of 64 bits, because a caller usually has all addresses of such a network.
    ///
    /// Protects against one caller that takes all [`max_connections`](Self::max_connections) for
    /// itself. A Nest `ClientProxy` opens one connection. Raise the limit if many callers share an
    /// address (behind a proxy or NAT). Connections that exceed it are treated as those that exceed
    /// `max_connections`. Callers without an IP address, as on Unix sockets, are not counted.
    /// Default: no limit.
    pub max_connections_per_peer: Option<NonZeroUsize>,
    /// Maximum number of requests and events in flight on one connection. A request or event is in
    /// flight until its handler has finished and its stream has ended.
    ///
    /// Protects against one caller that sends requests faster than they are answered, and so fills
    /// the memory with waiting handlers. Raise it for callers that send the requests of many users
    /// over one connection, as Nest's do. Lower it to share the capacity among more callers. A
    /// request that exceeds the limit is answered with an error, an event is dropped. Default: no
    /// limit.
    pub max_in_flight_per_connection: Option<NonZeroUsize>,
    /// Maximum number of requests and events in flight on all connections. Handlers that still run
    /// after their connection has ended are counted too.
    ///
    /// Protects against more load than fits into memory, however many callers cause it, including
    /// callers that send requests and disconnect. Choose it by the memory that a waiting handler
    /// takes. Requests and events that exceed it are treated as those that exceed
    /// [`max_in_flight_per_connection`](Self::max_in_flight_per_connection). Default: no limit.
    pub max_in_flight: Option<NonZeroUsize>,
    /// Maximum time for which a connection may be idle, that is, have nothing in flight and receive
    /// nothing. The connection is then closed as in a graceful shutdown. A peer that reads none of
    /// the replies queued for it for that time counts as idle too, and its connection is cut.
    ///
    /// Protects against connections whose caller has vanished silently, and against those that are
    /// opened and never used. Keep it longer than the pauses of honest callers: a Nest
    /// `ClientProxy` keeps its idle connection open, and reconnects with the next call. Default: no
    /// limit.
    pub idle_timeout: Option<Duration>,
    /// Maximum age of a connection. Up to a tenth is added or subtracted at random, so that callers
    /// that connected together do not all reconnect together. An older connection goes on replying
    /// and closes at its first quiet moment, as in a graceful shutdown.
    ///
    /// Set it so that reconnecting callers spread over the current instances of the service, and
    /// against peers that trickle bytes to appear busy. Keep it in minutes: a caller that never
    /// pauses loses the calls that cross the close. Default: no limit.
    pub max_age: Option<Duration>,
    /// Maximum time that a connection which is too old or idle may take to close. After it, the
    /// connection is closed even if something is in flight. Shortly before, new requests are
    /// answered with an error, `{"status":"error","message":"the service is stopping"}`.
    ///
    /// Raise it for handlers and streams that take longer; [`Duration::MAX`] never expires. Lower
    /// it to close connections of callers that always have something in flight sooner. Default: 30
    /// seconds.
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
