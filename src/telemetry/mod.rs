//! What both sides report: metrics, traces that cross the wire, and how much of what a peer has
//! sent may stand in either.
//!
//! Knows nothing of ours. Without the features `metrics` and `otel` there is nothing here that
//! costs anything: the meters are types without size whose functions are empty.

mod log_throttle;
#[cfg(feature = "metrics")]
#[path = "metrics.rs"]
mod meters;
#[cfg(not(feature = "metrics"))]
#[path = "no_metrics.rs"]
mod meters;
mod outcome;
#[cfg(feature = "otel")]
mod propagation;
mod truncate;

pub(crate) use log_throttle::LogThrottle;
pub(crate) use meters::{
    CallMeter, CallMeters, ConnectionMeter, connect_failed, connection_limited, connection_refused, reconnected,
};
pub(crate) use outcome::{Fault, Limit, Outcome};
#[cfg(feature = "otel")]
pub(crate) use propagation::{inject_context, set_remote_parent};
pub(crate) use truncate::{first_characters, truncate_for_log};

/// Which of the two ends of a connection this process is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Server,
    Client,
}
