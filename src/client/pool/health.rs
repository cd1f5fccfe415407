//! The health of a client's hosts as its calls show it: how each call ended, and which hosts
//! receive the next calls.

use std::sync::{
    Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, Ordering::Relaxed},
};

use tokio::time::Instant;

use crate::client::{
    CallError, DisconnectReason,
    config::CountsAsFailure,
    error::Answer,
    pool::ejection::{Ejections, Takes},
};
/// Exists only where connections compete for calls.
pub(in crate::client) struct Health {
    ejections: Mutex<Ejections>,
    /// True if any host has failed since its last success. While this is false, calls do not take
    /// the lock.
    is_troubled: AtomicBool,
    /// Number of hosts: the connection of index `i` belongs to host `i % hosts`. The connections to
    /// a single host count as hosts, since there may be several processes behind it.
    hosts: usize,
    counts_as_failure: Option<CountsAsFailure>,
}

/// What the end of a call means for its host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Well,
    Failed,
    Nothing,
}

impl Health {
    pub(in crate::client) fn new(hosts: usize, counts_as_failure: Option<CountsAsFailure>) -> Self {
        Self {
            ejections: Mutex::new(Ejections::new(hosts)),
            is_troubled: AtomicBool::new(false),
            hosts,
            counts_as_failure,
        }
    }

    /// Returns true if any host has failed since its last success, so that calls have to choose
    /// among the hosts.
    pub(in crate::client) fn is_troubled(&self) -> bool {
        self.is_troubled.load(Relaxed)
    }

    /// Starts the probe of a host if one is due. Returns the first of these connections that
    /// belongs to such a host: the call that takes the connection is the probe.
    pub(in crate::client) fn probe(&self, mut links: impl Iterator<Item = usize>) -> Option<usize> {
        let (mut ejections, now) = (self.lock(), Instant::now());
        let link = links.find(|link| ejections.takes(link % self.hosts, now) == Takes::Probe)?;
        ejections.probe(link % self.hosts);
        Some(link)
    }

    /// Returns a predicate that is true for a connection if its host accepts calls. Unless the call
    /// `may_probe`, a host accepts calls again when its ejection is over: an event says nothing
    /// about its host, and a client that sends only events would never probe the host.
    pub(in crate::client) fn takes_calls(&self, may_probe: bool) -> impl Fn(usize) -> bool + Clone {
        let (ejections, now, hosts) = (self.lock(), Instant::now(), self.hosts);
        let takes: Vec<bool> = (0..hosts)
            .map(|host| match ejections.takes(host, now) {
                Takes::PendingCalls => true,
                Takes::Probe => !may_probe,
                Takes::Nothing => false,
            })
            .collect();
        move |link| takes[link % hosts]
    }

    /// Records the end of a call that was made on this connection.
    pub(in crate::client) fn learn(&self, link: usize, is_event: bool, is_probe: bool, answer: &Answer) {
        let verdict = match answer {
            // The operating system has accepted the event, which says nothing about the host.
            Ok(_) if is_event => Verdict::Nothing,
            Ok(_) => Verdict::Well,
            Err(error) => self.verdict(error),
        };
        let host = link % self.hosts;
        match verdict {
            Verdict::Well if !self.is_troubled() => return,
            Verdict::Nothing if !is_probe => return,
            _ => {}
        }
        let mut ejections = self.lock();
        match verdict {
            Verdict::Well => ejections.succeeded(host),
            Verdict::Failed => ejections.failed(host, is_probe, Instant::now()),
            Verdict::Nothing => ejections.undecided(host, Instant::now()),
        }
        self.is_troubled.store(!ejections.is_clear(), Relaxed);
    }

    /// Records that the caller of a probe on this connection no longer waits for its end.
    pub(in crate::client) fn probe_dropped(&self, link: usize) {
        self.lock().undecided(link % self.hosts, Instant::now());
    }

    fn verdict(&self, error: &CallError) -> Verdict {
        match error {
            CallError::Rpc(error) => match self.counts_as_failure {
                Some(CountsAsFailure(is_failure)) if is_failure(error) => Verdict::Failed,
                _ => Verdict::Well,
            },
            CallError::Timeout(_) => Verdict::Failed,
            CallError::ConnectionClosed(
                DisconnectReason::ByPeer | DisconnectReason::InsideFrame | DisconnectReason::Failed(_),
            ) => Verdict::Failed,
            _ => Verdict::Nothing,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Ejections> {
        self.ejections.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_host_that_lost_events_gets_events_again_though_nothing_probes_it() {
        let health = Health::new(2, None);
        for _ in 0..3 {
            let lost = Err(CallError::ConnectionClosed(DisconnectReason::ByPeer));
            health.learn(0, true, false, &lost);
        }
        assert!(!health.takes_calls(false)(0) && health.takes_calls(false)(1));
        tokio::time::advance(Duration::from_secs(2)).await;
        assert!(health.takes_calls(false)(0));
        assert!(!health.takes_calls(true)(0), "the next request is its probe");
    }
}
