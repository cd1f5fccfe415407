//! The reports of both sides: metrics, traces that cross the wire, and how much of a peer's text
//! both may contain.
//!
//! Independent of the other modules. Without the features `metrics` and `otel` nothing in this
//! module has a cost: the meters are types without size and their functions are empty.

mod excerpt;
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

pub(crate) use excerpt::{excerpt, first_characters};
pub(crate) use log_throttle::LogThrottle;
pub(crate) use meters::{
    CallMeter, CallMeters, LinkMeter, connect_failed, connection_limited, connection_refused, reconnected,
};
pub(crate) use outcome::{Fault, Limit, Outcome};
#[cfg(feature = "otel")]
pub(crate) use propagation::{carried, set_remote_parent};

/// The end of a connection that this process is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Server,
    Client,
}
