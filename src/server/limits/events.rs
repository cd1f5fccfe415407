//! Logs and counts what limits do: one function for each event.

use std::net::SocketAddr;

use tracing::{debug, warn};

use crate::{
    server::limits::LimitExceeded,
    telemetry::{self, Limit, LogThrottle, Side},
};

#[derive(Debug, Default)]
pub(in crate::server) struct LimitEvents {
    connections: LogThrottle,
    requests: LogThrottle,
    events: LogThrottle,
}

impl LimitEvents {
    /// Records that a connection was refused because of a limit.
    pub(in crate::server) fn connection_refused(&self, exceeded: LimitExceeded, peer: Option<SocketAddr>) {
        telemetry::connection_refused();
        if let Some(suppressed) = self.connections.allow() {
            warn!(limit = ?exceeded, peer = peer.map(tracing::field::display), suppressed, "refused a connection");
        }
    }

    /// Records that a request exceeded a limit and was answered with an error.
    pub(in crate::server) fn request_refused(&self, exceeded: LimitExceeded) {
        if let Some(suppressed) = self.requests.allow() {
            warn!(limit = ?exceeded, suppressed, "refused a request");
        }
    }

    /// Records that an event exceeded a limit and was dropped. Only the log shows it: an event gets
    /// no reply.
    pub(in crate::server) fn event_dropped(&self, exceeded: LimitExceeded) {
        if let Some(suppressed) = self.events.allow() {
            warn!(limit = ?exceeded, suppressed, "dropped an event");
        }
    }

    /// Records that a connection was idle for too long and is being closed.
    pub(in crate::server) fn idle_closed(&self) {
        telemetry::connection_limited(Side::Server, Limit::IdleTimeout);
        debug!("closing the connection: it is idle");
    }

    /// Records that a connection is cut because its peer has read nothing for too long.
    pub(in crate::server) fn stalled_cut(&self) {
        telemetry::connection_limited(Side::Server, Limit::IdleTimeout);
        warn!("cutting the connection: its peer takes nothing");
    }

    /// Records that a connection has reached its maximum age and is being closed.
    pub(in crate::server) fn aged_closed(&self) {
        telemetry::connection_limited(Side::Server, Limit::MaxAge);
        debug!("closing the connection: it is old");
    }
}
