//! One connection of a pool, as handles use it, and what opens it.

use std::{
    fmt,
    future::Future,
    io,
    net::SocketAddr,
    sync::{Arc, atomic::AtomicUsize},
};

use tokio::io::{AsyncRead, AsyncWrite};

use crate::client::{
    channel::{RequestChannel, StartDriver},
    config::Config,
    connect::host::Host,
    driver,
    pool::ejection::HostId,
    state::publisher::{StatePublisher, StateReporter},
};

/// One connection of a pool: its driver opens it again after each loss.
pub(in crate::client) struct PooledConnection {
    pub(in crate::client) channel: Arc<RequestChannel>,
    pub(in crate::client) reporter: StateReporter,
    /// Number of calls in flight; counted only where connections compete for calls.
    pub(in crate::client) load: AtomicUsize,
    pub(in crate::client) place: Place,
}

/// The host of a connection.
#[derive(Debug, Clone)]
pub(in crate::client) struct Place {
    /// The host in the table of healthy hosts.
    pub(in crate::client) host: HostId,
    /// The address, if the client discovered the host.
    pub(in crate::client) address: Option<SocketAddr>,
    pub(in crate::client) opener: Opener,
}

/// Makes the drivers of connections to one host, of whatever kind the connections are.
#[derive(Clone)]
pub(in crate::client) struct Opener(Arc<MakeStart>);

/// Returns the function that starts the drivers of one connection.
type MakeStart = dyn Fn(&Arc<Config>, &StateReporter) -> StartDriver + Send + Sync;

impl Opener {
    pub(in crate::client) fn new<C, F, IO>(host: Host<C>) -> Self
    where
        C: Fn() -> F + Clone + Send + Sync + 'static,
        F: Future<Output = io::Result<IO>> + Send + 'static,
        IO: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        Self(Arc::new(move |config, reporter| {
            driver::starter(host.clone(), config, reporter)
        }))
    }
}

impl fmt::Debug for Opener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Opener(..)")
    }
}

impl PooledConnection {
    /// Returns the only connection of a client. Its driver is started by the first call.
    pub(in crate::client) fn only(place: Place, config: &Arc<Config>, publisher: &Arc<StatePublisher>) -> Self {
        let reporter = publisher.reporter();
        let start = (place.opener.0)(config, &reporter);
        Self {
            channel: Arc::new(RequestChannel::new(config, start)),
            reporter,
            load: AtomicUsize::new(0),
            place,
        }
    }

    /// Returns one of several connections. Packets that wait on it move to another one if it is
    /// lost.
    pub(in crate::client) fn among_several(
        place: Place,
        config: &Arc<Config>,
        publisher: &Arc<StatePublisher>,
    ) -> Arc<Self> {
        let link = Self::only(place, config, publisher);
        link.reporter.set_channel(&link.channel);
        Arc::new(link)
    }

    /// Ends the connection once it has no more calls, at the latest at the drain timeout. The
    /// connection has been removed from the pool's list: a call that has chosen it before and is
    /// rejected now chooses another one.
    pub(in crate::client) fn retire(&self) {
        self.reporter.retire();
        self.channel.close();
        self.reporter.publisher.move_waiting();
    }
}
