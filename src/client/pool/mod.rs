//! The connections of one client, and the choice of the connection that the next call takes.
//!
//! A client with one connection uses it for all calls. Among several, only the established ones
//! count: the call takes the one with fewer calls and events in flight out of two chosen at random
//! ("the power of two choices"), which spreads calls nearly as well as a comparison of all. A
//! connection that is lost is out at once, and its driver tries to connect, with a growing
//! back-off, until the connection is established again. A host that fails call after call is
//! ejected for a while ([`crate::client::pool::ejection`]).
//!
//! - [`members`]: the list of several connections, and what changes it; [`choice`] among them;
//! - [`keeper`]: the task that changes the list: hosts are discovered, old connections replaced;
//! - [`call_guard`]: a call in flight, and [`moving`]: its packet between two connections;
//! - [`first_connected`]: what a call waits for while there is no connection.

pub(in crate::client) mod call_guard;
pub(in crate::client) mod choice;
pub(in crate::client) mod closing;
pub(in crate::client) mod connection;
pub(in crate::client) mod detached;
pub(in crate::client) mod ejection;
pub(in crate::client) mod first_connected;
pub(in crate::client) mod health;
pub(in crate::client) mod keeper;
pub(in crate::client) mod members;
pub(in crate::client) mod moving;

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::client::{
    CallError, OverloadPolicy, ReconnectMode,
    call::trace::Meters,
    config::Config,
    pool::{
        choice::Chosen,
        connection::{Opener, Place, PooledConnection},
        detached::Detached,
        health::Health,
        keeper::{Keeper, discovery::Discovery},
        members::Members,
    },
    state::publisher::StatePublisher,
};

pub(in crate::client) struct ConnectionPool {
    links: Links,
    pub(in crate::client) publisher: Arc<StatePublisher>,
    pub(in crate::client) config: Arc<Config>,
    in_flight: Option<Arc<Semaphore>>,
    /// Permits for the callers that wait for any connection, while none of several is established.
    waiting: Semaphore,
    pub(in crate::client) detached: Detached,
    pub(in crate::client) meters: Meters,
}

/// The connections of a client.
enum Links {
    /// The one that all calls take, as long as the client exists.
    One(PooledConnection),
    Several {
        members: Arc<Members>,
        /// Changes the list. `None` if the list never changes.
        keeper: Option<Keeper>,
    },
}

/// Where the hosts of a client come from.
pub(in crate::client) enum Hosts {
    /// There are these, at least one.
    Fixed(Vec<Opener>),
    Discovered(Discovery),
}

impl ConnectionPool {
    /// Creates a pool with
    /// [`ClientBuilder::connections`](crate::client::ClientBuilder::connections) connections for
    /// each host.
    pub(in crate::client) fn new(hosts: Hosts, mut config: Config) -> Self {
        let count = match &hosts {
            Hosts::Fixed(hosts) => hosts.len().saturating_mul(config.connections_to_open()),
            Hosts::Discovered(_) => config.connections_to_open(),
        };
        let is_one = count == 1 && config.max_age.is_none() && matches!(hosts, Hosts::Fixed(_));
        if !is_one {
            // The states of the connections must be known before the first call.
            config.reconnect.when = ReconnectMode::Always;
        }
        let (config, publisher) = (Arc::new(config), StatePublisher::new());
        let links = match hosts {
            Hosts::Fixed(hosts) if is_one => Links::one(&hosts[0], &config, &publisher),
            hosts => Links::several(hosts, &config, &publisher),
        };
        let room = config
            .max_queued
            .get()
            .saturating_mul(count)
            .min(Semaphore::MAX_PERMITS);
        Self {
            links,
            in_flight: config.max_in_flight.map(|most| {
                let most = most.get().min(Semaphore::MAX_PERMITS);
                Arc::new(Semaphore::new(most))
            }),
            waiting: Semaphore::new(room),
            detached: Detached::new(room),
            publisher,
            config,
            meters: Meters::new(),
        }
    }

    /// Acquires a permit for a request in flight, if their number is limited. Returns `None` if the
    /// caller has to wait for a permit, and `Some(None)` if there is no limit.
    #[inline]
    pub(in crate::client) fn try_place(&self) -> Result<Option<Option<OwnedSemaphorePermit>>, CallError> {
        let Some(places) = &self.in_flight else {
            return Ok(Some(None));
        };
        match (Arc::clone(places).try_acquire_owned(), self.config.overload) {
            (Ok(place), _) => Ok(Some(Some(place))),
            (Err(_), OverloadPolicy::Fail) => Err(CallError::Overloaded),
            (Err(_), OverloadPolicy::Wait) => Ok(None),
        }
    }

    /// As [`try_place`](Self::try_place), but waits for a permit. Returns `None` if there is no
    /// limit.
    pub(in crate::client) async fn place(&self) -> Result<Option<OwnedSemaphorePermit>, CallError> {
        if let Some(place) = self.try_place()? {
            return Ok(place);
        }
        let places = self.in_flight.as_ref().map(Arc::clone).expect("they are limited");
        Ok(Some(places.acquire_owned().await.expect("nobody closes it")))
    }

    /// Returns true if connections compete for calls.
    #[inline]
    pub(in crate::client) fn has_choice(&self) -> bool {
        matches!(self.links, Links::Several { .. })
    }

    /// Returns the only connection.
    pub(in crate::client) fn only(&self) -> &PooledConnection {
        match &self.links {
            Links::One(link) => link,
            Links::Several { .. } => unreachable!("a call takes one of several connections"),
        }
    }

    /// Returns the health of the hosts, if there is a choice among connections.
    pub(in crate::client) fn health(&self) -> Option<&Health> {
        match &self.links {
            Links::One(_) => None,
            Links::Several { members, .. } => Some(&members.health),
        }
    }

    /// Checks the connection again after a packet has been queued on it. If the connection was lost
    /// just before, the waiting packets move to other connections.
    #[inline]
    pub(in crate::client) fn recheck(&self, link: &PooledConnection) {
        if !link.reporter.is_connected() {
            self.publisher.move_waiting();
        }
    }

    /// Returns the connection that a call takes: the only one, or the less busy of two established
    /// ones. `may_probe` is true if the call may be the one that shows whether an ejected host is
    /// healthy again. Returns `None` if no connection is established.
    #[inline]
    pub(in crate::client) fn ready(&self, may_probe: bool) -> Option<Chosen> {
        match &self.links {
            Links::One(_) => Some(Chosen::ONLY),
            Links::Several { members, keeper } => {
                if let Some(keeper) = keeper {
                    keeper.ensure(members);
                }
                members.ready(may_probe)
            }
        }
    }
}

impl Links {
    fn one(opener: &Opener, config: &Arc<Config>, publisher: &Arc<StatePublisher>) -> Self {
        let place = Place {
            host: 0,
            address: None,
            opener: opener.clone(),
        };
        Self::One(PooledConnection::only(place, config, publisher))
    }

    fn several(hosts: Hosts, config: &Arc<Config>, publisher: &Arc<StatePublisher>) -> Self {
        let members = Arc::new(Members::new(config, publisher));
        let discovery = match hosts {
            Hosts::Fixed(hosts) => {
                // The connections to one host count as hosts, since a proxy may spread them over
                // several processes.
                let count_as_hosts = hosts.len() == 1;
                for opener in &hosts {
                    members.add_host(opener, None, count_as_hosts);
                }
                None
            }
            Hosts::Discovered(discovery) => Some(discovery),
        };
        let changes = discovery.is_some() || config.max_age.is_some();
        Self::Several {
            members,
            keeper: changes.then(|| Keeper::new(discovery, config, publisher)),
        }
    }
}

impl Drop for ConnectionPool {
    fn drop(&mut self) {
        if let Links::Several {
            keeper: Some(keeper), ..
        } = &self.links
        {
            keeper.stop();
        }
    }
}
