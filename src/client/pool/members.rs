//! The connections of a client with several: the list that calls choose from, and what changes it.
//!
//! ```text
//!             discovered                    its address is gone, or its successor is connected
//!   (nowhere) ──────────► in the list ───────────────────────────────────────────────► draining
//!       │                     ▲                                                            │
//!       └─► successor ────────┘                          no calls left, or drain timeout ──┴─► (gone)
//!                   is connected
//! ```
//!
//! A connection leaves the list before it rejects calls. A call that has chosen it just before and
//! is rejected chooses again, from a list without it.

use std::{
    collections::BTreeSet,
    net::SocketAddr,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use tokio::sync::watch;

use crate::client::{
    ConnectError,
    config::{Config, MAX_CONNECTIONS},
    pool::{
        choice::{Chosen, pick},
        connection::{Opener, Place, PooledConnection},
        health::Health,
    },
    state::publisher::StatePublisher,
};

pub(in crate::client) struct Members {
    set: RwLock<Set>,
    pub(in crate::client) health: Health,
    pub(in crate::client) config: Arc<Config>,
    pub(in crate::client) publisher: Arc<StatePublisher>,
    /// What callers without a connection wait for.
    changes: watch::Sender<Change>,
}

/// All connections of the client that are not closed.
#[derive(Default)]
struct Set {
    links: Vec<Arc<PooledConnection>>,
    successions: Vec<Succession>,
    draining: Vec<Arc<PooledConnection>>,
    is_closed: bool,
}

/// A connection that is to take the place of another one once it is established.
struct Succession {
    old: Arc<PooledConnection>,
    new: Arc<PooledConnection>,
}

/// The last change of the list.
#[derive(Debug, Clone, Default)]
pub(in crate::client) struct Change {
    /// Why no host could be discovered, if that was tried in vain.
    pub(in crate::client) failure: Option<ConnectError>,
}

impl Members {
    pub(in crate::client) fn new(config: &Arc<Config>, publisher: &Arc<StatePublisher>) -> Self {
        Self {
            set: RwLock::default(),
            health: Health::new(config.counts_as_failure),
            config: Arc::clone(config),
            publisher: Arc::clone(publisher),
            changes: watch::Sender::default(),
        }
    }

    /// Adds the connections to one host. If they `count_as_hosts`, each counts as a host of its
    /// own.
    pub(in crate::client) fn add_host(&self, opener: &Opener, address: Option<SocketAddr>, count_as_hosts: bool) {
        let mut host = self.health.join();
        for index in 0..self.config.connections_to_open() {
            if count_as_hosts && index > 0 {
                host = self.health.join();
            }
            let opener = opener.clone();
            let place = Place { host, address, opener };
            let link = PooledConnection::among_several(place, &self.config, &self.publisher);
            self.write().links.push(link);
        }
    }

    /// Chooses the connection that the next call takes. `may_probe` is true if the call may be the
    /// one that shows whether an ejected host is healthy again. Returns `None` if no connection is
    /// established.
    #[inline]
    pub(in crate::client) fn ready(&self, may_probe: bool) -> Option<Chosen> {
        let set = self.read();
        if self.health.is_troubled() {
            return self.pick_with_care(&set.links, may_probe);
        }
        pick(&set.links, |_| true).map(Chosen::usual)
    }

    /// Chooses a connection while some hosts fail. If no host that accepts calls is connected, the
    /// others are used.
    #[cold]
    fn pick_with_care(&self, links: &[Arc<PooledConnection>], may_probe: bool) -> Option<Chosen> {
        let connected = links.iter().filter(|link| link.reporter.is_connected());
        if may_probe && let Some(link) = self.health.probe(connected) {
            return Some(Chosen::probe(link));
        }
        let takes = self.health.takes_calls(links, may_probe);
        let of_well = pick(links, |index| takes[index]);
        of_well.or_else(|| pick(links, |_| true)).map(Chosen::usual)
    }

    /// Returns the connections that calls choose from.
    pub(in crate::client) fn links(&self) -> Vec<Arc<PooledConnection>> {
        self.read().links.clone()
    }

    pub(in crate::client) fn is_empty(&self) -> bool {
        self.read().links.is_empty()
    }

    pub(in crate::client) fn is_closed(&self) -> bool {
        self.read().is_closed
    }

    /// Returns a receiver of the changes that follow.
    pub(in crate::client) fn changes(&self) -> watch::Receiver<Change> {
        self.changes.subscribe()
    }

    /// Wakes the callers that wait for a connection. `failure` is the reason if there is none.
    pub(in crate::client) fn changed(&self, failure: Option<ConnectError>) {
        self.changes.send_replace(Change { failure });
    }

    /// Starts the drivers of all connections in the list that have none.
    pub(in crate::client) fn start_all(&self) {
        for link in self.links() {
            link.channel.attend();
        }
    }

    /// Adds a discovered host, unless too many connections are open or still drain. Returns true if
    /// the host is in the list.
    pub(in crate::client) fn join(&self, address: SocketAddr, opener: &Opener) -> bool {
        let (open, draining, is_closed) = {
            let set = self.read();
            (set.links.len(), set.draining.len(), set.is_closed)
        };
        let has_room = open + draining + self.config.connections_to_open() <= 2 * MAX_CONNECTIONS;
        if is_closed || !has_room {
            return false;
        }
        self.add_host(opener, Some(address), false);
        true
    }

    /// Lets the connections to all addresses but the `wanted` ones drain, once one of the wanted is
    /// connected; before that, only those go that are not connected. So calls always have a
    /// connection if there is any.
    pub(in crate::client) fn keep_only(&self, wanted: &BTreeSet<SocketAddr>) {
        let is_wanted = |link: &PooledConnection| link.place.address.is_none_or(|address| wanted.contains(&address));
        if self.read().links.iter().all(|link| is_wanted(link)) {
            return;
        }
        let is_replaced = |links: &[Arc<PooledConnection>]| {
            let mut connected = links.iter().filter(|link| link.reporter.is_connected());
            connected.any(|link| is_wanted(link))
        };
        let mut set = self.write();
        let is_replaced = is_replaced(&set.links);
        let goes = |link: &PooledConnection| !is_wanted(link) && (is_replaced || !link.reporter.is_connected());
        let gone: Vec<_> = set.links.extract_if(.., |link| goes(link)).collect();
        let left: BTreeSet<_> = set.links.iter().map(|link| link.place.host).collect();
        set.drain(&gone);
        drop(set);
        for link in &gone {
            if !left.contains(&link.place.host) {
                self.health.leave(link.place.host);
            }
        }
        self.retire(&gone);
    }

    /// Opens a successor of a connection, unless too many connections still drain.
    pub(in crate::client) fn succeed(&self, old: &Arc<PooledConnection>) {
        let mut set = self.write();
        let has_room = set.draining.len() + set.successions.len() < MAX_CONNECTIONS;
        let is_member = set.links.iter().any(|link| Arc::ptr_eq(link, old));
        let has_one = set
            .successions
            .iter()
            .any(|succession| Arc::ptr_eq(&succession.old, old));
        if set.is_closed || !has_room || !is_member || has_one {
            return;
        }
        let new = PooledConnection::among_several(old.place.clone(), &self.config, &self.publisher);
        let (old, driven) = (Arc::clone(old), Arc::clone(&new));
        set.successions.push(Succession { old, new });
        drop(set);
        driven.channel.attend();
    }

    /// Puts the successors that are connected in the place of their predecessors. A successor whose
    /// predecessor has left the list or is not connected itself is not needed: the predecessor's
    /// driver connects again anyway.
    pub(in crate::client) fn complete_successions(&self) {
        let mut set = self.write();
        let (mut over, mut successions) = (Vec::new(), std::mem::take(&mut set.successions));
        successions.retain(|Succession { old, new }| {
            let place = set.links.iter().position(|link| Arc::ptr_eq(link, old));
            over.push(match place {
                Some(place) if new.reporter.is_connected() => std::mem::replace(&mut set.links[place], Arc::clone(new)),
                Some(_) if old.reporter.is_connected() => return true,
                _ => Arc::clone(new),
            });
            false
        });
        set.successions = successions;
        set.drain(&over);
        drop(set);
        self.retire(&over);
    }

    fn retire(&self, links: &[Arc<PooledConnection>]) {
        links.iter().for_each(|link| link.retire());
        if !links.is_empty() {
            self.changed(None);
        }
    }

    /// Marks the list as closed: it does not change any more. Returns all connections.
    pub(in crate::client) fn close(&self) -> Vec<Arc<PooledConnection>> {
        let mut set = self.write();
        set.is_closed = true;
        let successors = set.successions.drain(..).map(|succession| succession.new);
        let successors: Vec<_> = successors.collect();
        set.drain(&successors);
        let all = set.links.iter().chain(&set.draining).cloned().collect();
        drop(set);
        self.changed(None);
        all
    }

    fn read(&self) -> RwLockReadGuard<'_, Set> {
        self.set.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Set> {
        self.set.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Set {
    /// Adds connections that take no more calls, and forgets those that have ended.
    fn drain(&mut self, links: &[Arc<PooledConnection>]) {
        self.draining.retain(|link| !link.channel.has_ended());
        self.draining.extend_from_slice(links);
    }
}
