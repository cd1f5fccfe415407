//! The options of a TCP connection.

use std::io;

use tokio::net::TcpStream;

use super::Keepalive;

/// The options that are set on each TCP connection, on either side.
///
/// ```
/// use std::time::Duration;
/// use nest_wire::connection::{Keepalive, TcpOptions};
///
/// let options = TcpOptions::default().keepalive(Keepalive::after(Duration::from_secs(30)));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TcpOptions {
    nodelay: bool,
    keepalive: Option<Keepalive>,
}

impl TcpOptions {
    /// Sets whether small packets are sent at once, without Nagle's algorithm, as Node does.
    /// Default: true. If it is off, packets of many calls share segments, and each call may take
    /// longer.
    #[must_use]
    pub const fn nodelay(mut self, nodelay: bool) -> Self {
        self.nodelay = nodelay;
        self
    }

    /// Makes the system probe idle connections, so that a peer that vanished without closing the
    /// connection is detected; on Linux also connections on which data is being sent, see
    /// [`Keepalive`]. Shorten its times where such peers are frequent; each probe is a packet.
    /// Default: off, as in Nest.
    #[must_use]
    pub const fn keepalive(mut self, keepalive: Keepalive) -> Self {
        self.keepalive = Some(keepalive);
        self
    }

    /// Sets the options on a connection, each of them even if the system refuses another one.
    ///
    /// # Errors
    /// The system's first refusal.
    pub(crate) fn apply(&self, stream: &TcpStream) -> io::Result<()> {
        let nodelay = stream.set_nodelay(self.nodelay);
        let keepalive = self
            .keepalive
            .as_ref()
            .map_or(Ok(()), |keepalive| keepalive.apply(stream));
        nodelay.and(keepalive)
    }
}

impl Default for TcpOptions {
    fn default() -> Self {
        Self {
            nodelay: true,
            keepalive: None,
        }
    }
}
