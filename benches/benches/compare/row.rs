//! What a row of the comparison is.

use nest_wire_benches::{
    comparison::{Target, Unit},
    load::{Exchange, Shape},
};

/// One load, what is looked at under it, and what it should come to.
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) procedure: Procedure,
    pub(crate) target: Target,
}

/// How a row comes to its figures. A smaller figure is better in all of them.
pub(crate) enum Procedure {
    /// Servers stay up and take turns under a steady load.
    Steady(Steady),
    /// Ten thousand connections that do nothing.
    Idle(Idle),
    /// One core against two, for handlers that compute. "Nest" is here our server on one core.
    BothCores,
}

pub(crate) struct Steady {
    pub(crate) shape: Shape,
    pub(crate) exchange: Exchange,
    /// What the figure is divided by: requests, values or megabytes per exchange.
    pub(crate) units: f64,
    pub(crate) figure: Figure,
    pub(crate) raw: Raw,
}

/// What is compared.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Figure {
    /// The server's CPU time, in nanoseconds for each unit.
    Cpu,
    /// Half of the answers came within so many nanoseconds. Server and generator share one core: across two, the
    /// time it takes to wake an idle core would be measured.
    MedianLatency,
    /// The most memory that the server has had, in bytes.
    PeakMemory,
}

/// Whether the raw server takes part.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Raw {
    Measured,
    Left,
}

/// What each connection has done by the time its memory is looked at.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Idle {
    Fresh,
    /// It has had a request of 20 kB answered.
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
