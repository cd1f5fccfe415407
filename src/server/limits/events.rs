//! What limits have done: one function for each thing that can happen, for the log and whoever counts.

use std::net::SocketAddr;

use tracing::{debug, warn};

use crate::{
    server::limits::Refusal,
    telemetry::{self, Limit, LogThrottle, Side},
};

#[derive(Debug, Default)]
pub(in crate::server) struct Notices {
    connections: LogThrottle,
    requests: LogThrottle,
    events: LogThrottle,
}

impl Notices {
    /// A connection was past a limit.
    pub(in crate::server) fn connection_refused(&self, refusal: Refusal, peer: Option<SocketAddr>) {
        telemetry::connection_refused();
        if let Some(suppressed) = self.connections.allow() {
            warn!(limit = ?refusal, peer = peer.map(tracing::field::display), suppressed, "refused a connection");
        }
    }

    /// A request was past a limit, and answered with an error.
    pub(in crate::server) fn request_refused(&self, refusal: Refusal) {
        if let Some(suppressed) = self.requests.allow() {
            warn!(limit = ?refusal, suppressed, "refused a request");
        }
    }

    /// An event was past a limit, and nobody hears of that but the log.
    pub(in crate::server) fn event_dropped(&self, refusal: Refusal) {
        if let Some(suppressed) = self.events.allow() {
            warn!(limit = ?refusal, suppressed, "dropped an event");
        }
    }

    /// A connection was idle for too long and is being closed.
    pub(in crate::server) fn idle_closed(&self) {
        telemetry::connection_limited(Side::Server, Limit::IdleTimeout);
        debug!("closing the connection: it is idle");
    }

    /// A connection has a peer that has taken nothing for too long, and is cut.
    pub(in crate::server) fn stalled_cut(&self) {
        telemetry::connection_limited(Side::Server, Limit::IdleTimeout);
        warn!("cutting the connection: its peer takes nothing");
    }

    /// A connection has reached its greatest age and is being closed.
    pub(in crate::server) fn aged_closed(&self) {
        telemetry::connection_limited(Side::Server, Limit::MaxAge);
        debug!("closing the connection: it is old");
    }
}
