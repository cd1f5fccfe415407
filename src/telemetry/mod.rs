//! The reports of both sides: metrics, traces that cross the wire, and how much of a peer's text
//! both may contain.
//!
//! Independent of the other modules. Without the features `metrics` and `otel` nothing in this
//! module has a cost: the meters are types without size and their functions are empty.

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

/// The end of a connection that this process is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Server,
    Client,
}
