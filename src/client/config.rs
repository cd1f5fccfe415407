//! What a client waits for and how much it takes on, and its links' limits.

use std::{num::NonZeroUsize, time::Duration};

use crate::{
    client::ReconnectPolicy,
    compat::Compat,
    connection::{self, Keepalive},
    packet::RpcError,
};

/// Maximum number of connections to each host. More would take memory and descriptors for nothing.
const MAX_CONNECTIONS: usize = 1024;

/// How a client behaves. Start from the default and set what should differ:
///
/// ```
/// use std::time::Duration;
/// use nest_wire::{client::{Client, Config, ReconnectPolicy, OverloadPolicy}, connection::Keepalive};
///
/// let config = Config::default()
///     .timeout(Duration::from_secs(5))
///     .reconnect(ReconnectPolicy::always())
///     .keepalive(Keepalive::after(Duration::from_secs(30)))
///     .max_in_flight(256)
///     .when_full(OverloadPolicy::Fail);
/// let client = Client::with_config("localhost:8888", config);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Config {
    /// How long a call may take, connecting and waiting for room included; for a stream, how long the service may be
    /// silent before each further value.
    ///
    /// Raise it for slow handlers, or override it for some calls with
    /// [`Client::with_timeout`](crate::client::Client::with_timeout). Lower it where callers have given up long before.
    /// Default: 30 seconds. (Nest waits for ever, as [`Duration::MAX`] does.)
    pub timeout: Duration,
    /// How long one attempt to connect may take: looking a name up, trying its addresses and the TLS handshake, all
    /// together. Raise it for far services, lower it to try the next host sooner. 0 leaves time only for what needs no
    /// waiting, that is, practically none. Default: 10 seconds.
    pub connect_timeout: Duration,
    /// When and how often to try again to connect. Default: with the next call, once, as Nest.
    pub reconnect: ReconnectPolicy,
    /// How many links to open to each host, 1,024 at most; calls go to the less busy of two of them.
    ///
    /// Raise it where one link, that is one task on our side and one event loop on the service's, is the bottleneck:
    /// a proxy in between may spread links over several processes. Default: 1, as Nest.
    pub connections: NonZeroUsize,
    /// How many requests may wait for their answers at once, streams included. Default: no limit, as Nest.
    ///
    /// Set it to what the service can work on at once: what exceeds it waits here, or [fails](Self::when_full), and
    /// not in the service's memory. Events are not counted.
    pub max_in_flight: Option<NonZeroUsize>,
    /// How many packets may wait to be written on one link: while there is none yet, or while the service does not
    /// read. Of several links, while there is none at all, this many callers for each of them may wait for one.
    ///
    /// Raise it to ride out longer pauses, lower it to bound what they cost in memory: this many packets and 64 KiB,
    /// and what callers who wait for room hold themselves. Default: 1,024.
    pub max_queued: NonZeroUsize,
    /// Which errors count as a failure of the host.
    pub(super) counts_as_failure: Option<CountsAsFailure>,
    /// How many bytes of a stream's values may wait until its caller takes them: their JSON text, and 64 bytes for each.
    ///
    /// Past it the connection is not read, and the service waits, as long as no other call waits for an answer on the same
    /// connection. Once one does, a further value ends the stream with
    /// [`CallError::StreamOverflow`](crate::client::CallError::StreamOverflow). A segment of 64 KiB, or one large value, may come
    /// on top; and as much again, or 1 MiB, while packets of ours wait for a service that first wants to be read. Raise it for callers that pause for long among other calls, or give them a client of their own; lower it to
    /// bound memory. Default: 4,194,304 (4 MiB).
    pub max_stream_buffer: usize,
    /// What becomes of calls past [`max_in_flight`](Self::max_in_flight) and [`max_queued`](Self::max_queued).
    /// Default: they wait.
    pub when_full: OverloadPolicy,
    /// How long [`Client::close`](crate::client::Client::close), and the end of the last handle, wait for what is under way, and for
    /// the service to close its side too, before the connection is cut. What the service has not read by then is lost. Raise
    /// it for slow handlers; lower it to stop sooner. Default: 25 seconds.
    pub drain_timeout: Duration,
    /// Whether packets leave at once instead of being gathered by the system (`TCP_NODELAY`). Only of TCP links that
    /// the client opens itself. Switch it off to trade latency for fewer segments. Default: `true`.
    pub nodelay: bool,
    /// Whether and when the system probes an idle connection, so that a service that vanished without a word is noticed;
    /// on Linux also while calls are being made, see [`Keepalive`]. Only of TCP connections that the client opens itself.
    /// Default: `None`, as Nest.
    pub keepalive: Option<Keepalive>,
    /// The limits of each link.
    pub connection: connection::TransportConfig,
    /// Which major of Nest to call like. Default: the newest.
    pub compat: Compat,
}

/// A function that says of an error of the service whether its host is to blame. Two are equal if they have the same
/// address.
#[derive(Debug, Clone, Copy)]
pub(super) struct CountsAsFailure(pub(super) fn(&RpcError) -> bool);

impl PartialEq for CountsAsFailure {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::fn_addr_eq(self.0, other.0)
    }
}

impl Eq for CountsAsFailure {}

/// What becomes of a call when a limit is reached.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum OverloadPolicy {
    /// It waits its turn, within its timeout: for callers that can slow down.
    #[default]
    Wait,
    /// It fails at once with [`CallError::Overloaded`](crate::client::CallError::Overloaded): for callers that had better
    /// shed load.
    Fail,
}

impl Config {
    /// Sets [`Config::timeout`].
    #[must_use]
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sets [`Config::connect_timeout`].
    #[must_use]
    pub const fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// Sets [`Config::reconnect`].
    #[must_use]
    pub const fn reconnect(mut self, reconnect: ReconnectPolicy) -> Self {
        self.reconnect = reconnect;
        self
    }

    /// Sets [`Config::connections`]; 0 counts as 1, and more than 1,024 as that.
    #[must_use]
    pub const fn connections(mut self, connections: usize) -> Self {
        self.connections = at_least_one(connections);
        self
    }

    /// Sets [`Config::max_in_flight`]; 0 counts as 1.
    #[must_use]
    pub const fn max_in_flight(mut self, calls: usize) -> Self {
        self.max_in_flight = Some(at_least_one(calls));
        self
    }

    /// Sets [`Config::max_queued`]; 0 counts as 1.
    #[must_use]
    pub const fn max_queued(mut self, packets: usize) -> Self {
        self.max_queued = at_least_one(packets);
        self
    }

    /// Sets which errors that a service answers with count as a failure of its host, where a client has several. Default:
    /// none does, for most errors are the caller's own.
    ///
    /// A host that fails three times in a row gets no calls for a second, then one that tells whether it is well again. If
    /// that fails too, the time doubles, up to a minute; a success ends all that. Calls that time out and those whose
    /// connection is lost before the answer always count. No more than half of the hosts are without calls at the same
    /// time. Of a single host, each of its [`connections`](Self::connections) counts as a host. Calls whose future is
    /// dropped do not count.
    ///
    /// ```
    /// use nest_wire::client::Config;
    ///
    /// let config = Config::default()
    ///     .counts_as_failure(|error| error.message().as_deref() == Some("Internal server error"));
    /// ```
    #[must_use]
    pub const fn counts_as_failure(mut self, counts_as_failure: fn(&RpcError) -> bool) -> Self {
        self.counts_as_failure = Some(CountsAsFailure(counts_as_failure));
        self
    }

    /// Sets [`Config::max_stream_buffer`], in bytes.
    #[must_use]
    pub const fn max_stream_buffer(mut self, bytes: usize) -> Self {
        self.max_stream_buffer = bytes;
        self
    }

    /// Sets [`Config::when_full`].
    #[must_use]
    pub const fn when_full(mut self, when_full: OverloadPolicy) -> Self {
        self.when_full = when_full;
        self
    }

    /// Sets [`Config::drain_timeout`].
    #[must_use]
    pub const fn drain_timeout(mut self, timeout: Duration) -> Self {
        self.drain_timeout = timeout;
        self
    }

    /// Sets [`Config::nodelay`].
    #[must_use]
    pub const fn nodelay(mut self, nodelay: bool) -> Self {
        self.nodelay = nodelay;
        self
    }

    /// Sets [`Config::keepalive`].
    #[must_use]
    pub const fn keepalive(mut self, keepalive: Keepalive) -> Self {
        self.keepalive = Some(keepalive);
        self
    }

    /// Sets [`Config::connection`].
    #[must_use]
    pub fn connection(mut self, limits: connection::TransportConfig) -> Self {
        self.connection = limits;
        self
    }

    /// Sets [`Config::compat`].
    #[must_use]
    pub const fn compat(mut self, compat: Compat) -> Self {
        self.compat = compat;
        self
    }
}

const fn at_least_one(count: usize) -> NonZeroUsize {
    match NonZeroUsize::new(count) {
        Some(count) => count,
        None => NonZeroUsize::MIN,
    }
}

impl Config {
    /// Returns how many links to open to each host.
    pub(super) fn connections_to_open(&self) -> usize {
        self.connections.get().min(MAX_CONNECTIONS)
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(30),
            connect_timeout: Duration::from_secs(10),
            reconnect: ReconnectPolicy::default(),
            connections: NonZeroUsize::MIN,
            max_in_flight: None,
            max_queued: at_least_one(1024),
            counts_as_failure: None,
            max_stream_buffer: 4 * 1024 * 1024,
            when_full: OverloadPolicy::default(),
            drain_timeout: Duration::from_secs(25),
            nodelay: true,
            keepalive: None,
            connection: connection::TransportConfig::default(),
            compat: Compat::default(),
        }
    }
}
