//! The connections of one client, and the choice of the connection that the next call takes.
//!
//! A client with one connection uses it for all calls. Among several, only the established ones
//! count: the call takes the one with fewer calls and events in flight out of two chosen at random
//! ("the power of two choices"), which spreads calls nearly as well as a comparison of all. A
//! connection that is lost is out at once, and its driver tries to connect, with a growing
//! back-off, until the connection is established again. A host that fails call after call is
//! ejected for a while ([`crate::client::pool::ejection`]).

pub(in crate::client) mod call_guard;
pub(in crate::client) mod closing;
pub(in crate::client) mod detached;
pub(in crate::client) mod ejection;
pub(in crate::client) mod first_connected;
pub(in crate::client) mod health;
pub(in crate::client) mod moving;

use std::{
    future::Future,
    io,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
};

use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::{OwnedSemaphorePermit, Semaphore},
};

use crate::client::{
    CallError, OverloadPolicy, ReconnectMode,
    call::trace::Meters,
    channel::RequestChannel,
    config::Config,
    connect::host::Host,
    driver,
    pool::{detached::Detached, health::Health},
    state::{StatePublisher, StateReporter},
};

pub(in crate::client) struct ConnectionPool {
    links: Vec<PooledConnection>,
    pub(in crate::client) publisher: Arc<StatePublisher>,
    pub(in crate::client) config: Arc<Config>,
    in_flight: Option<Arc<Semaphore>>,
    /// The health of the hosts, if there is a choice among connections.
    pub(in crate::client) health: Option<Health>,
    /// Permits for the callers that wait for any connection, while none of several is established.
    waiting: Semaphore,
    pub(in crate::client) detached: Detached,
    pub(in crate::client) meters: Meters,
}

/// One connection of a pool, as handles use it.
pub(in crate::client) struct PooledConnection {
    pub(in crate::client) channel: Arc<RequestChannel>,
    pub(in crate::client) reporter: StateReporter,
    /// Number of calls in flight; counted only where connections compete for calls.
    pub(in crate::client) load: AtomicUsize,
}

impl PooledConnection {
    fn new(channel: RequestChannel, reporter: StateReporter) -> Self {
        Self {
            channel: Arc::new(channel),
            reporter,
            load: AtomicUsize::new(0),
        }
    }
}

/// The connection that a call takes, by its index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::client) struct Chosen {
    pub(in crate::client) link: usize,
    /// True if the end of the call shows whether an ejected host is healthy again.
    pub(in crate::client) is_probe: bool,
}

impl Chosen {
    pub(in crate::client) const fn usual(link: usize) -> Self {
        Self { link, is_probe: false }
    }
}

impl ConnectionPool {
    /// Creates a pool with
    /// [`ClientBuilder::connections`](crate::client::ClientBuilder::connections) connections for
    /// each host.
    pub(in crate::client) fn new<C, F, IO>(hosts: &[Host<C>], mut config: Config) -> Self
    where
        C: Fn() -> F + Clone + Send + Sync + 'static,
        F: Future<Output = io::Result<IO>> + Send + 'static,
        IO: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let count = hosts.len().saturating_mul(config.connections_to_open());
        // The connections to one host count as hosts, since a proxy may spread them over several
        // processes.
        let health_count = if hosts.len() > 1 { hosts.len() } else { count };
        if count > 1 {
            // The states of the connections must be known before the first call.
            config.reconnect.when = ReconnectMode::Always;
        }
        let (config, publisher) = (Arc::new(config), StatePublisher::new(count));
        let hosts = hosts.iter().cycle().take(count).enumerate();
        let links: Vec<PooledConnection> = hosts
            .map(|(index, host)| {
                let reporter = publisher.reporter(index);
                let start = driver::starter(host.clone(), &config, &reporter);
                PooledConnection::new(RequestChannel::new(&config, start), reporter)
            })
            .collect();
        if count > 1 {
            publisher.connect(links.iter().map(|link| (&link.reporter, &link.channel)));
        }
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
            health: (count > 1).then(|| Health::new(health_count, config.counts_as_failure)),
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
    pub(in crate::client) fn has_choice(&self) -> bool {
        self.health.is_some()
    }

    pub(in crate::client) fn link(&self, index: usize) -> &PooledConnection {
        &self.links[index]
    }

    /// Checks the connection again after a packet has been queued on it. If the connection was lost
    /// just before, the waiting packets move to other connections.
    #[inline]
    pub(in crate::client) fn recheck(&self, link: usize) {
        if self.has_choice() && !self.links[link].reporter.is_connected() {
            self.publisher.move_waiting();
        }
    }

    /// Returns the connection that a call takes: the only one, or the less busy of two established
    /// ones. `may_probe` is true if the call may be the one that shows whether an ejected host is
    /// healthy again.
    #[inline]
    pub(in crate::client) fn ready(&self, may_probe: bool) -> Option<Chosen> {
        match &self.health {
            None => Some(Chosen::usual(0)),
            Some(health) if health.is_troubled() => self.pick_with_care(health, may_probe),
            Some(_) => self.pick(|_| true).map(Chosen::usual),
        }
    }

    /// Chooses a connection while some hosts fail. If no host that accepts calls is connected, the
    /// others are used. Returns `None` if no connection is established.
    #[cold]
    fn pick_with_care(&self, health: &Health, may_probe: bool) -> Option<Chosen> {
        let connected = (0..self.links.len()).filter(|link| self.links[*link].reporter.is_connected());
        if may_probe && let Some(link) = health.probe(connected) {
            return Some(Chosen { link, is_probe: true });
        }
        let of_well = self.pick(health.takes_calls(may_probe));
        of_well.or_else(|| self.pick(|_| true)).map(Chosen::usual)
    }

    /// Chooses the less busy of two connections, at random among the established ones that
    /// `takes_calls` accepts: each is as likely as any other, even if its neighbour is not
    /// available. Returns `None` if there is no such connection.
    fn pick(&self, takes_calls: impl Fn(usize) -> bool + Clone) -> Option<usize> {
        let is_ready = |link: &usize| self.links[*link].reporter.is_connected() && takes_calls(*link);
        let mut ready = (0..self.links.len()).filter(is_ready);
        let count = ready.clone().count();
        if count < 2 {
            return ready.next();
        }
        let (first, second) = (fastrand::usize(..count), fastrand::usize(..count - 1));
        // The second index skips the first one, so that the two differ.
        let one = ready.clone().nth(first)?;
        // A connection may be lost between the two passes.
        let Some(other) = ready.nth(second + usize::from(second >= first)) else {
            return Some(one);
        };
        let load = |link: usize| self.links[link].load.load(Relaxed);
        let is_busier = load(one) > load(other);
        Some(if is_busier { other } else { one })
    }
}
