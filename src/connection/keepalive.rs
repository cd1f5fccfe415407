//! How the system probes idle TCP links.

use std::{io, time::Duration};

use socket2::{SockRef, TcpKeepalive};
use tokio::net::TcpStream;

/// How the system probes a link on which nothing happens, so that a peer that vanished without a word is noticed. What
/// is not set is the system's choice.
///
/// ```
/// use std::time::Duration;
/// use nest_wire::connection::Keepalive;
///
/// // A peer that vanished is noticed after 30 + 3 * 10 seconds.
/// let keepalive = Keepalive::after(Duration::from_secs(30))
///     .interval(Duration::from_secs(10))
///     .retries(3);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Keepalive {
    /// How long a link is idle before the first probe. The system may count in whole seconds.
    pub idle: Duration,
    /// How long to wait between two probes.
    pub interval: Option<Duration>,
    /// How many probes may go unanswered before the link counts as lost.
    pub retries: Option<u32>,
}

impl Keepalive {
    /// Probes links that have been idle for so long.
    #[must_use]
    pub const fn after(idle: Duration) -> Self {
        Self {
            idle,
            interval: None,
            retries: None,
        }
    }

    /// Sets [`Keepalive::interval`].
    #[must_use]
    pub const fn interval(mut self, interval: Duration) -> Self {
        self.interval = Some(interval);
        self
    }

    /// Sets [`Keepalive::retries`].
    #[must_use]
    pub const fn retries(mut self, retries: u32) -> Self {
        self.retries = Some(retries);
        self
    }

    /// Asks the system for it.
    pub(crate) fn apply(&self, stream: &TcpStream) -> io::Result<()> {
        let mut options = TcpKeepalive::new().with_time(self.idle);
        if let Some(interval) = self.interval {
            options = options.with_interval(interval);
        }
        if let Some(retries) = self.retries {
            options = options.with_retries(retries);
        }
        SockRef::from(stream).set_tcp_keepalive(&options)
    }
}
