//! The choice of the connection that the next call takes.

use std::sync::{Arc, atomic::Ordering::Relaxed};

use crate::client::pool::connection::PooledConnection;

/// The connection that a call takes.
#[derive(Clone)]
pub(in crate::client) struct Chosen {
    /// `None` stands for the only connection of the client.
    pub(in crate::client) link: Option<Arc<PooledConnection>>,
    /// True if the end of the call shows whether an ejected host is healthy again.
    pub(in crate::client) is_probe: bool,
}

impl Chosen {
    pub(in crate::client) const ONLY: Self = Self {
        link: None,
        is_probe: false,
    };

    pub(in crate::client) fn usual(link: &Arc<PooledConnection>) -> Self {
        Self {
            link: Some(Arc::clone(link)),
            is_probe: false,
        }
    }

    pub(in crate::client) fn probe(link: &Arc<PooledConnection>) -> Self {
        Self {
            is_probe: true,
            ..Self::usual(link)
        }
    }
}

/// Chooses the less busy of two connections, at random among the established ones that
/// `takes_calls` accepts by their index: each is as likely as any other, even if its neighbour is
/// not available. Returns `None` if there is no such connection.
pub(in crate::client) fn pick(
    links: &[Arc<PooledConnection>],
    takes_calls: impl Fn(usize) -> bool,
) -> Option<&Arc<PooledConnection>> {
    let is_ready = |index: &usize| links[*index].reporter.is_connected() && takes_calls(*index);
    if links.len() < 2 {
        return links.first().filter(|_| is_ready(&0));
    }
    let (one, other) = two_of(links.len());
    // Nearly always both are ready; otherwise all connections are looked at.
    if is_ready(&one) && is_ready(&other) {
        return Some(less_busy(&links[one], &links[other]));
    }
    let ready: Vec<usize> = (0..links.len()).filter(is_ready).collect();
    if ready.len() < 2 {
        return ready.first().map(|index| &links[*index]);
    }
    let (one, other) = two_of(ready.len());
    Some(less_busy(&links[ready[one]], &links[ready[other]]))
}

/// Returns two different indices below `count`, which is at least 2.
fn two_of(count: usize) -> (usize, usize) {
    let (first, second) = (fastrand::usize(..count), fastrand::usize(..count - 1));
    // The second index skips the first one, so that the two differ.
    (first, second + usize::from(second >= first))
}

fn less_busy<'a>(one: &'a Arc<PooledConnection>, other: &'a Arc<PooledConnection>) -> &'a Arc<PooledConnection> {
    let is_busier = one.load.load(Relaxed) > other.load.load(Relaxed);
    if is_busier { other } else { one }
}
