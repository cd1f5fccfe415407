//! A row of the comparison.

use nest_wire_benches::{
    comparison::{Target, Unit},
    load::{Exchange, Shape},
};

/// A load, the figure that is measured under it, and its targets.
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) procedure: Procedure,
    pub(crate) target: Target,
}

/// The way in which a row is measured. A smaller figure is better in all of them.
pub(crate) enum Procedure {
    /// Servers stay up and take turns under a steady load.
    Steady(Steady),
    /// Ten thousand idle connections.
    Idle(Idle),
    /// One core against two, for handlers that compute. "Nest" is our server on one core here.
    BothCores,
}

pub(crate) struct Steady {
    pub(crate) shape: Shape,
    pub(crate) exchange: Exchange,
    /// The divisor of the figure: requests, values or megabytes per exchange.
    pub(crate) units: f64,
    pub(crate) figure: Figure,
    pub(crate) raw: Raw,
}

/// A measured figure.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Figure {
    /// The server's CPU time, in nanoseconds for each unit.
    Cpu,
    /// The median of the latencies, in nanoseconds. Server and generator share one core: across
    /// two, the figure would be the time to wake an idle core.
    MedianLatency,
    /// The peak memory of the server, in bytes.
    PeakMemory,
}

/// Whether the raw server takes part.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Raw {
    Measured,
    Left,
}

/// What each connection has done before its memory is measured.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Idle {
    Fresh,
    /// The server has answered a request of 20 kB on it.
    AfterMessage,
}

impl Procedure {
    pub(crate) fn unit(&self) -> Unit {
        match self {
            Self::Steady(Steady {
                figure: Figure::PeakMemory,
                ..
            })
            | Self::Idle(_) => Unit::Bytes,
            Self::Steady(_) | Self::BothCores => Unit::Nanoseconds,
        }
    }
}
