//! How old the connections of a client are: one that is too old gets a successor.

use std::{
    collections::HashMap,
    sync::{Arc, Weak},
    time::Duration,
};

use tokio::time::Instant;

use crate::client::pool::{connection::PooledConnection, members::Members};

/// Fraction of the maximum age that is added or subtracted at random, so that connections that were
/// opened together are not replaced together.
const JITTER: f64 = 0.1;

/// The times at which connections are too old.
pub(in crate::client) struct Ages {
    max: Option<Duration>,
    /// By the addresses of the connections in memory.
    known: HashMap<usize, Age>,
}

#[derive(Clone)]
struct Age {
    /// Keeps the address from being used again.
    _link: Weak<PooledConnection>,
    /// Number of times that the connection had been established at that time.
    openings: u64,
    /// `None` if the clock does not reach that far.
    end: Option<Instant>,
}

impl Ages {
    /// `max` is the maximum age of a connection, if there is one.
    pub(in crate::client) fn new(max: Option<Duration>) -> Self {
        let known = HashMap::new();
        Self { max, known }
    }

    /// Replaces the connections whose successors are connected, and opens successors of those that
    /// are too old. Returns the time at which the next one is too old.
    pub(in crate::client) fn tend(&mut self, members: &Members) -> Option<Instant> {
        let max = self.max?;
        members.complete_successions();
        let (now, links) = (Instant::now(), members.links());
        let ages = links.iter().map(|link| (key(link), self.age(link, now, max)));
        self.known = ages.collect();
        for link in links.iter().filter(|link| link.reporter.is_connected()) {
            let end = self.known.get(&key(link)).and_then(|age| age.end);
            if end.is_some_and(|end| end <= now) {
                members.succeed(link);
            }
        }
        let ends = self.known.values().filter_map(|age| age.end);
        ends.filter(|end| *end > now).min()
    }

    /// Returns the known age of a connection, or that of a connection that was established just
    /// now.
    fn age(&self, link: &Arc<PooledConnection>, now: Instant, max: Duration) -> Age {
        let openings = link.reporter.openings();
        if let Some(age) = self.known.get(&key(link)).filter(|age| age.openings == openings) {
            return age.clone();
        }
        let jitter = 1.0 + JITTER * (2.0 * fastrand::f64() - 1.0);
        Age {
            _link: Arc::downgrade(link),
            openings,
            end: checked_mul(max, jitter).and_then(|age| now.checked_add(age)),
        }
    }
}

fn key(link: &Arc<PooledConnection>) -> usize {
    Arc::as_ptr(link).addr()
}

/// Returns the product, or `None` if it is out of range.
fn checked_mul(duration: Duration, factor: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(duration.as_secs_f64() * factor).ok()
}
