//! Scenarios: faults under load. Afterwards every call is checked.
//!
//! A scenario defines the services and the faults; [`Round`] does the rest. Faults and calls are
//! drawn from the seed. Their timing is not, so a seed that has failed may have to be run more than
//! once.

mod host;
mod load;
mod processes;
mod promises;
mod round;
mod traffic;

use std::fmt;

use futures_util::future::BoxFuture;
use nest_wire_harness::HarnessError;

pub use host::Host;
pub use load::Load;
pub use promises::{Broken, Promise, report};
pub use round::{Round, Setting, Start};

/// The implementation of a caller or a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Make {
    /// This crate.
    Ours,
    /// Real Nest of this major.
    Nest(u8),
}

/// The implementations of caller and service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pairing {
    /// The caller's implementation.
    pub caller: Make,
    /// The service's implementation.
    pub service: Make,
}

/// A scenario.
#[derive(Clone, Copy)]
pub struct Scenario {
    /// Its name on the command line.
    pub name: &'static str,
    /// A description of the scenario.
    pub what: &'static str,
    /// The sides that may be Nest's.
    pub nest: Nest,
    run: fn(&Setting) -> Verdict<'_>,
}

/// The result of a round: the broken promises.
type Verdict<'a> = BoxFuture<'a, Result<Vec<Broken>, HarnessError>>;

/// The sides on which Nest may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nest {
    /// Either side, but not both.
    EitherSide,
    /// The service may be Nest's.
    Service,
    /// The caller may be Nest's.
    Caller,
    /// The caller must be Nest's.
    CallerAlways,
}

/// All scenarios.
pub const ALL: &[Scenario] = &[
    traffic::CUTS,
    traffic::SILENCE,
    traffic::REFUSALS,
    traffic::SLOWNESS,
    traffic::CLOSING,
    traffic::AGE,
    processes::STOPPED,
    processes::KILLED,
    processes::TERMINATED,
    processes::DESCRIPTORS,
    processes::HOSTS,
    processes::STOPPED_CALLER,
];

impl Scenario {
    /// Returns the pairings for this major of Nest.
    #[must_use]
    pub fn pairings(&self, major: u8) -> Vec<Pairing> {
        let pair = |caller, service| Pairing { caller, service };
        let (ours, nest) = (Make::Ours, Make::Nest(major));
        match self.nest {
            Nest::EitherSide => vec![pair(ours, ours), pair(ours, nest), pair(nest, ours)],
            Nest::Service => vec![pair(ours, ours), pair(ours, nest)],
            Nest::Caller => vec![pair(ours, ours), pair(nest, ours)],
            Nest::CallerAlways => vec![pair(nest, ours)],
        }
    }

    /// Runs one round.
    ///
    /// # Errors
    /// Fails if a service or a caller does not start.
    pub async fn run(&self, setting: &Setting) -> Result<Vec<Broken>, HarnessError> {
        (self.run)(setting).await
    }
}

impl fmt::Debug for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Scenario").field(&self.name).finish()
    }
}

impl fmt::Display for Pairing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} calls {}", self.caller, self.service)
    }
}

impl fmt::Display for Make {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ours => f.write_str("nest-wire"),
            Self::Nest(major) => write!(f, "Nest {major}"),
        }
    }
}
