//! What limits have done: one function for each thing that can happen, for the log and whoever counts.

use std::{
    net::SocketAddr,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;
use tracing::{debug, warn};

use super::Refusal;
use crate::telemetry::{self, Limit, Side};

/// How often the log hears of the same thing: what limits are against comes in floods.
const PAUSE: Duration = Duration::from_secs(1);

#[derive(Debug, Default)]
pub(in crate::server) struct Notices {
    connections: Rare,
    requests: Rare,
    events: Rare,
}

impl Notices {
    /// A connection was past a limit.
    pub(in crate::server) fn connection_refused(&self, refusal: Refusal, peer: Option<SocketAddr>) {
        telemetry::connection_refused();
        if let Some(untold) = self.connections.tell() {
            warn!(limit = ?refusal, peer = peer.map(tracing::field::display), untold, "refused a connection");
        }
    }

    /// A request was past a limit, and answered with an error.
    pub(in crate::server) fn request_refused(&self, refusal: Refusal) {
        if let Some(untold) = self.requests.tell() {
            warn!(limit = ?refusal, untold, "refused a request");
        }
    }

    /// An event was past a limit, and nobody hears of that but the log.
    pub(in crate::server) fn event_dropped(&self, refusal: Refusal) {
        if let Some(untold) = self.events.tell() {
            warn!(limit = ?refusal, untold, "dropped an event");
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

/// Something that is told of now and then only.
#[derive(Debug, Default)]
struct Rare(Mutex<Telling>);

#[derive(Debug, Default)]
struct Telling {
    next: Option<Instant>,
    untold: u64,
}

impl Rare {
    /// If it is to be told of now: how often it has happened meanwhile without that.
    fn tell(&self) -> Option<u64> {
        let mut telling = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        if telling.next.is_some_and(|next| now < next) {
            telling.untold += 1;
            return None;
        }
        telling.next = Some(now + PAUSE);
        Some(std::mem::take(&mut telling.untold))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_flood_is_told_of_once_a_second_with_its_size() {
        let rare = Rare::default();
        assert_eq!(rare.tell(), Some(0));
        assert_eq!([rare.tell(), rare.tell()], [None, None]);
        tokio::time::advance(PAUSE).await;
        assert_eq!(rare.tell(), Some(2));
        tokio::time::advance(PAUSE).await;
        assert_eq!(rare.tell(), Some(0));
    }
}
