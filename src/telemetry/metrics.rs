//! The measurements for the recorder of the `metrics` crate. `docs/OBSERVABILITY.md` lists their
//! names.
//!
//! The recorder is asked for each counter once and not for each request, so it has to be installed
//! before the first use.

use std::{
    fmt,
    sync::{Arc, OnceLock},
    time::Instant,
};

use metrics::{Counter, Gauge, Histogram, SharedString, counter, gauge, histogram};

use super::{Fault, Limit, Outcome, Side};

/// The meters of one connection, which counts as open until they are dropped.
pub(crate) struct ConnectionMeter(Option<Link>);

struct Link {
    side: Side,
    open: Gauge,
    received: Counter,
    sent: Counter,
}

impl ConnectionMeter {
    /// Returns the meters of a connection that is not measured.
    pub(crate) const fn none() -> Self {
        Self(None)
    }

    pub(crate) fn opened(side: Side) -> Self {
        let [connections, open, received, sent] = match side {
            Side::Server => [
                "nest_wire_server_connections_total",
                "nest_wire_server_connections_open",
                "nest_wire_server_received_bytes_total",
                "nest_wire_server_sent_bytes_total",
            ],
            Side::Client => [
                "nest_wire_client_connections_total",
                "nest_wire_client_connections_open",
                "nest_wire_client_received_bytes_total",
                "nest_wire_client_sent_bytes_total",
            ],
        };
        counter!(connections).increment(1);
        let link = Link {
            side,
            open: gauge!(open),
            received: counter!(received),
            sent: counter!(sent),
        };
        link.open.increment(1);
        Self(Some(link))
    }

    pub(crate) fn received(&self, bytes: usize) {
        if let Some(link) = &self.0 {
            link.received.increment(bytes as u64);
        }
    }

    pub(crate) fn sent(&self, bytes: usize) {
        if let Some(link) = &self.0 {
            link.sent.increment(bytes as u64);
        }
    }

    pub(crate) fn fault(&self, fault: Fault) {
        let Some(link) = &self.0 else { return };
        let name = match link.side {
            Side::Server => "nest_wire_server_frame_errors_total",
            Side::Client => "nest_wire_client_frame_errors_total",
        };
        counter!(name, "reason" => fault.name()).increment(1);
    }

    /// Counts this connection as ended by a limit.
    pub(crate) fn limited(&self, limit: Limit) {
        if let Some(link) = &self.0 {
            connection_limited(link.side, limit);
        }
    }
}

impl Drop for ConnectionMeter {
    fn drop(&mut self) {
        if let Some(link) = &self.0 {
            link.open.decrement(1);
        }
    }
}

impl fmt::Debug for ConnectionMeter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ConnectionMeter(..)")
    }
}

/// Counts a connection that a service has refused.
pub(crate) fn connection_refused() {
    counter!("nest_wire_server_connections_refused_total").increment(1);
}

/// Counts a connection as ended by a limit.
pub(crate) fn connection_limited(side: Side, limit: Limit) {
    let name = match side {
        Side::Server => "nest_wire_server_connections_limited_total",
        Side::Client => "nest_wire_client_connections_limited_total",
    };
    counter!(name, "limit" => limit.name()).increment(1);
}

/// Counts a connection of a client that was lost and has been opened again.
pub(crate) fn reconnected() {
    counter!("nest_wire_client_reconnects_total").increment(1);
}

/// Counts a client's failed attempt to connect.
pub(crate) fn connect_failed() {
    counter!("nest_wire_client_connect_failures_total").increment(1);
}

/// The meters that calls with the same label share: the pattern for a service, the kind for a
/// client.
#[derive(Clone)]
pub(crate) struct CallMeters(Arc<Shared>);

struct Shared {
    names: &'static Names,
    label: SharedString,
    by_outcome: [OnceLock<Counter>; Outcome::COUNT],
    running: OnceLock<(Gauge, Histogram)>,
}

struct Names {
    label: &'static str,
    calls: &'static str,
    in_flight: &'static str,
    duration: &'static str,
}

const SERVER: Names = Names {
    label: "pattern",
    calls: "nest_wire_server_requests_total",
    in_flight: "nest_wire_server_requests_in_flight",
    duration: "nest_wire_server_request_duration_seconds",
};

const CLIENT: Names = Names {
    label: "kind",
    calls: "nest_wire_client_calls_total",
    in_flight: "nest_wire_client_calls_in_flight",
    duration: "nest_wire_client_call_duration_seconds",
};

/// The shared label of all unregistered patterns: callers choose these, and their number is
/// unlimited.
const OTHER: &str = "(other)";

impl CallMeters {
    pub(crate) fn of_pattern(pattern: impl FnOnce() -> String) -> Self {
        Self::new(&SERVER, pattern().into())
    }

    pub(crate) fn of_other_patterns() -> Self {
        Self::new(&SERVER, OTHER.into())
    }

    pub(crate) fn of_kind(kind: &'static str) -> Self {
        Self::new(&CLIENT, kind.into())
    }

    fn new(names: &'static Names, label: SharedString) -> Self {
        Self(Arc::new(Shared {
            names,
            label,
            by_outcome: [const { OnceLock::new() }; Outcome::COUNT],
            running: OnceLock::new(),
        }))
    }

    /// Counts a call as begun. Returns the meter of the call.
    pub(crate) fn begin(&self) -> CallMeter {
        self.0.running().0.increment(1);
        CallMeter(Some((Arc::clone(&self.0), Instant::now())))
    }

    /// Counts a call that has ended without having begun.
    pub(crate) fn count(&self, outcome: Outcome) {
        self.0.count(outcome);
    }
}

impl Shared {
    fn running(&self) -> &(Gauge, Histogram) {
        let label = || self.label.clone();
        self.running.get_or_init(|| {
            (
                gauge!(self.names.in_flight, self.names.label => label()),
                histogram!(self.names.duration, self.names.label => label()),
            )
        })
    }

    fn count(&self, outcome: Outcome) {
        let counter =
            || counter!(self.names.calls, self.names.label => self.label.clone(), "outcome" => outcome.name());
        self.by_outcome[outcome as usize].get_or_init(counter).increment(1);
    }
}

impl fmt::Debug for CallMeters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("CallMeters").field(&self.0.label).finish()
    }
}

/// One call in progress. A call that is dropped before its end counts as cancelled.
pub(crate) struct CallMeter(Option<(Arc<Shared>, Instant)>);

impl CallMeter {
    /// Returns the meter of a call that is not measured.
    pub(crate) const fn none() -> Self {
        Self(None)
    }

    /// Records the end of the call; only the first end counts.
    pub(crate) fn end(&mut self, outcome: Outcome) {
        let Some((shared, since)) = self.0.take() else { return };
        let (in_flight, duration) = shared.running();
        in_flight.decrement(1);
        duration.record(since.elapsed());
        shared.count(outcome);
    }
}

impl Drop for CallMeter {
    fn drop(&mut self) {
        self.end(Outcome::Cancelled);
    }
}

impl fmt::Debug for CallMeter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CallMeter(..)")
    }
}
