//! The settings of a client, which [`ClientBuilder`](crate::client::ClientBuilder) documents.

use std::{num::NonZeroUsize, time::Duration};

use crate::{
    client::ReconnectPolicy,
    compat::Compat,
    connection::{TcpOptions, TransportConfig},
    packet::RpcError,
};

/// Maximum number of connections to each host, and to all discovered hosts together. More
/// connections would only cost memory and descriptors.
pub(in crate::client) const MAX_CONNECTIONS: usize = 1024;
/// The shortest age at which a connection is replaced, so that connections are not replaced without
/// a break.
const MIN_AGE: Duration = Duration::from_millis(100);
/// The shortest pause between two questions for the addresses of a service.
const MIN_INTERVAL: Duration = Duration::from_millis(10);

#[derive(Debug, Clone)]
pub(in crate::client) struct Config {
    pub(in crate::client) timeout: Duration,
    pub(in crate::client) connect_timeout: Duration,
    pub(in crate::client) reconnect: ReconnectPolicy,
    pub(in crate::client) connections: NonZeroUsize,
    pub(in crate::client) max_in_flight: Option<NonZeroUsize>,
    pub(in crate::client) max_queued: NonZeroUsize,
    pub(in crate::client) counts_as_failure: Option<CountsAsFailure>,
    pub(in crate::client) max_stream_buffer: usize,
    pub(in crate::client) overload: OverloadPolicy,
    pub(in crate::client) drain_timeout: Duration,
    pub(in crate::client) max_age: Option<Duration>,
    pub(in crate::client) discover_interval: Duration,
    pub(in crate::client) tcp: TcpOptions,
    pub(in crate::client) transport: TransportConfig,
    pub(in crate::client) compat: Compat,
    #[cfg(feature = "tls")]
    pub(in crate::client) tls: Option<crate::tls::ClientTls>,
}

/// The predicate that returns true for the errors that count as a failure of the host.
#[derive(Debug, Clone, Copy)]
pub(in crate::client) struct CountsAsFailure(pub(in crate::client) fn(&RpcError) -> bool);

/// The behaviour of a call that exceeds a limit of its client.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum OverloadPolicy {
    /// The call waits for its turn, within its timeout: for callers that can slow down.
    #[default]
    Wait,
    /// The call fails at once with [`CallError::Overloaded`](crate::client::CallError::Overloaded):
    /// for callers that should shed load instead.
    Fail,
}

/// Returns the count, or 1 for 0.
pub(in crate::client) const fn at_least_one(count: usize) -> NonZeroUsize {
    match NonZeroUsize::new(count) {
        Some(count) => count,
        None => NonZeroUsize::MIN,
    }
}

impl Config {
    /// Returns the number of connections to open to each host.
    pub(in crate::client) fn connections_to_open(&self) -> usize {
        self.connections.get().min(MAX_CONNECTIONS)
    }

    /// Returns the age at which connections are replaced, if they are.
    pub(in crate::client) fn age(&self) -> Option<Duration> {
        self.max_age.map(|age| age.max(MIN_AGE))
    }

    /// Returns the time between two questions for the addresses of a service.
    pub(in crate::client) fn interval(&self) -> Duration {
        self.discover_interval.max(MIN_INTERVAL)
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
            overload: OverloadPolicy::default(),
            drain_timeout: Duration::from_secs(25),
            max_age: None,
            discover_interval: Duration::from_secs(10),
            tcp: TcpOptions::default(),
            transport: TransportConfig::default(),
            compat: Compat::default(),
            #[cfg(feature = "tls")]
            tls: None,
        }
    }
}
