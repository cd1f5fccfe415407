//! The ways to choose the host of a call.

use std::fmt;

use fastrand::Rng;

/// How the host of a call is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Balancing {
    /// Each caller has one connection, which leads to a random host: a Nest client behind a
    /// ClusterIP.
    Connection,
    /// Each caller knows all hosts and takes the less busy of two, by its own calls in flight: our
    /// client with `discover`, or a bridge beside each caller.
    Call,
    /// All callers use one bridge, which takes the less busy of two hosts.
    Bridge,
}

impl Balancing {
    pub(crate) const ALL: [Self; 3] = [Self::Connection, Self::Call, Self::Bridge];

    /// Returns the less busy of two random hosts.
    pub(crate) fn less_busy(in_flight: &[u32], random: &mut Rng) -> usize {
        let first = random.usize(..in_flight.len());
        let second = random.usize(..in_flight.len());
        if in_flight[second] < in_flight[first] {
            second
        } else {
            first
        }
    }
}

impl fmt::Display for Balancing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Connection => "one connection each",
            Self::Call => "each call, by its caller",
            Self::Bridge => "each call, by one bridge",
        })
    }
}
