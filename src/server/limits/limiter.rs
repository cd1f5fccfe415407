//! Counts the connections of a service and all its calls in flight.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr, SocketAddr},
    num::NonZeroUsize,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::server::limits::{LimitExceeded, Limits, events::LimitEvents};

/// Maximum number of refused connections that get an error reply at the same time; further ones are
/// closed at once. Each may hold a few hundred kilobytes.
const MAX_CONCURRENT_REJECTIONS: usize = 64;

/// The current counts of a service, and its limits.
#[derive(Debug)]
pub(in crate::server) struct Limiter {
    pub(in crate::server) limits: Limits,
    pub(in crate::server) events: LimitEvents,
    connected: Mutex<Connected>,
    /// The permits for calls in flight on all connections, if their number is limited.
    pub(super) in_flight: Option<Arc<Semaphore>>,
    turning_away: Arc<Semaphore>,
}

#[derive(Debug, Default)]
struct Connected {
    in_all: usize,
    /// Number of connections by network. Networks without a connection have no entry.
    by_network: HashMap<IpAddr, usize>,
}

/// A connection that is counted until this is dropped.
#[derive(Debug)]
pub(in crate::server) struct Admission {
    limiter: Arc<Limiter>,
    network: Option<IpAddr>,
}

impl Limiter {
    /// Returns `None` if there are no limits: then nothing is counted.
    pub(in crate::server) fn new(limits: Limits) -> Option<Arc<Self>> {
        if limits == Limits::default() {
            return None;
        }
        Some(Arc::new(Self {
            in_flight: limits.max_in_flight.map(semaphore),
            limits,
            events: LimitEvents::default(),
            connected: Mutex::default(),
            turning_away: Arc::new(Semaphore::new(MAX_CONCURRENT_REJECTIONS)),
        }))
    }

    /// Counts one more connection, also for its peer if the peer's address is known. Returns the
    /// guard of that count.
    pub(in crate::server) fn admit(self: &Arc<Self>, peer: Option<SocketAddr>) -> Result<Admission, LimitExceeded> {
        let mut connected = self.connected();
        if is_full(self.limits.max_connections, connected.in_all) {
            return Err(LimitExceeded::Connections);
        }
        let network = connected.count_for(peer, self.limits.max_connections_per_peer)?;
        connected.in_all += 1;
        Ok(Admission {
            limiter: Arc::clone(self),
            network,
        })
    }

    /// Returns the permit to send an error to one more refused connection; `None` if there are too
    /// many.
    pub(in crate::server) fn try_acquire_rejection(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.turning_away).try_acquire_owned().ok()
    }

    fn connected(&self) -> MutexGuard<'_, Connected> {
        self.connected.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Connected {
    /// Counts one more connection of `peer`, if that has an address. Returns the peer's network.
    fn count_for(
        &mut self,
        peer: Option<SocketAddr>,
        limit: Option<NonZeroUsize>,
    ) -> Result<Option<IpAddr>, LimitExceeded> {
        let Some(network) = peer.map(|peer| network(peer.ip())) else {
            return Ok(None);
        };
        let count = self.by_network.get(&network).copied().unwrap_or(0);
        if is_full(limit, count) {
            return Err(LimitExceeded::ConnectionsPerPeer);
        }
        self.by_network.insert(network, count + 1);
        Ok(Some(network))
    }
}

fn is_full(limit: Option<NonZeroUsize>, count: usize) -> bool {
    limit.is_some_and(|limit| count >= limit.get())
}

impl Admission {
    /// Counts the connection for `peer`, whose address was not known when the connection was
    /// admitted.
    pub(super) fn count_for(&mut self, peer: Option<SocketAddr>) -> Result<(), LimitExceeded> {
        if self.network.is_none() {
            let limit = self.limiter.limits.max_connections_per_peer;
            self.network = self.limiter.connected().count_for(peer, limit)?;
        }
        Ok(())
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        let mut connected = self.limiter.connected();
        connected.in_all -= 1;
        let Some(network) = self.network else { return };
        match connected.by_network.get_mut(&network) {
            Some(count) if *count > 1 => *count -= 1,
            _ => drop(connected.by_network.remove(&network)),
        }
    }
}

/// Returns a semaphore with this many permits, or with tokio's maximum if that is smaller.
pub(super) fn semaphore(permits: NonZeroUsize) -> Arc<Semaphore> {
    Arc::new(Semaphore::new(permits.get().min(Semaphore::MAX_PERMITS)))
}

/// Returns the network by which an address is counted. An IPv6 address counts with its network of
/// 64 bits, because a caller usually has all addresses of such a network.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into(),
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(address: &str) -> Option<SocketAddr> {
        Some(SocketAddr::new(address.parse().expect("an address"), 4711))
    }

    #[test]
    fn an_ipv4_address_counts_alone_and_an_ipv6_address_with_its_network() {
        let limiter = Limiter::new(Limits::default().max_connections_per_peer(1)).expect("a limit");
        let admitted = ["192.0.2.1", "192.0.2.2", "2001:db8:0:1::1", "2001:db8:0:2::1"]
            .map(|address| limiter.admit(peer(address)).expect("the first"));
        for another in ["192.0.2.1", "::ffff:192.0.2.1", "2001:db8:0:1::2"] {
            let refused = limiter.admit(peer(another)).expect_err("the second");
            assert_eq!(refused, LimitExceeded::ConnectionsPerPeer, "{another}");
        }
        let nameless = [None, None].map(|peer| limiter.admit(peer).expect("not limited"));
        drop((admitted, nameless));
        let connected = limiter.connected();
        assert_eq!((connected.in_all, connected.by_network.len()), (0, 0));
    }

    #[test]
    fn without_limits_there_is_no_ledger() {
        assert!(Limiter::new(Limits::default()).is_none());
    }
}
