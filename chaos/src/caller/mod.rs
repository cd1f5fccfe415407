//! Callers: our client in this process, or Nest's client in a process of its own.

mod ask;
mod nest;
mod ours;
mod outcome;

use std::time::Instant;

use nest_wire::client::Client;

pub use ask::{Ask, End, Kind};
pub use nest::NestCaller;
pub use outcome::{Outcome, Record};

/// A caller.
#[derive(Debug)]
pub enum Caller {
    /// Our client.
    Ours(Client),
    /// Real Nest's client.
    Nest(Box<NestCaller>),
}

impl Caller {
    /// Makes a call and records its outcome.
    pub async fn make(&self, ask: Ask) -> Record {
        let begun = Instant::now();
        let outcome = match self {
            Self::Ours(client) => ours::make(client, &ask).await,
            Self::Nest(caller) => caller.make(&ask).await,
        };
        Record {
            ask,
            begun,
            ended: Instant::now(),
            outcome,
        }
    }

    /// Closes the client and waits until it is closed.
    pub async fn close(&self) {
        match self {
            Self::Ours(client) => client.close().await,
            Self::Nest(caller) => caller.close().await,
        }
    }

    /// Returns the numbers of the calls that ended more than once. Our futures cannot.
    #[must_use]
    pub fn ended_twice(&self) -> Vec<u64> {
        match self {
            Self::Ours(_) => Vec::new(),
            Self::Nest(caller) => caller.ended_twice(),
        }
    }
}
