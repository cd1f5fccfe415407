//! The health of a client's hosts as its calls show it: how each call ended, and which hosts
//! receive the next calls.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, Ordering::Relaxed},
};

use tokio::time::Instant;

use crate::client::{
    CallError, DisconnectReason,
    config::CountsAsFailure,
    error::Answer,
    pool::{
        connection::PooledConnection,
        ejection::{Ejections, HostId, Takes},
    },
};

/// Exists only where connections compete for calls.
pub(in crate::client) struct Health {
    ejections: Mutex<Ejections>,
    /// True if any host has failed since its last success. While this is false, calls do not take
    /// the lock.
    is_troubled: AtomicBool,
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
    pub(in crate::client) fn new(counts_as_failure: Option<CountsAsFailure>) -> Self {
        Self {
            ejections: Mutex::default(),
            is_troubled: AtomicBool::new(false),
            counts_as_failure,
        }
    }

    /// Adds a host, which is healthy. Returns its key.
    pub(in crate::client) fn join(&self) -> HostId {
        self.lock().join()
    }

    /// Removes a host. Calls to it that end later count no more.
    pub(in crate::client) fn leave(&self, host: HostId) {
        let mut ejections = self.lock();
        ejections.leave(host);
        self.is_troubled.store(!ejections.is_clear(), Relaxed);
    }

    /// Returns true if any host has failed since its last success, so that calls have to choose
    /// among the hosts.
    pub(in crate::client) fn is_troubled(&self) -> bool {
        self.is_troubled.load(Relaxed)
    }

    /// Starts the probe of a host if one is due. Returns the first of these connections that
    /// belongs to such a host: the call that takes the connection is the probe.
    pub(in crate::client) fn probe<'a>(
        &self,
        mut links: impl Iterator<Item = &'a Arc<PooledConnection>>,
    ) -> Option<&'a Arc<PooledConnection>> {
        let (mut ejections, now) = (self.lock(), Instant::now());
        let link = links.find(|link| ejections.takes(link.place.host, now) == Takes::Probe)?;
        ejections.probe(link.place.host);
        Some(link)
    }

    /// Returns for each connection whether its host accepts calls. Unless the call `may_probe`, a
    /// host accepts calls again when its ejection is over: an event says nothing about its host,
    /// and a client that sends only events would never probe the host.
    pub(in crate::client) fn takes_calls(&self, links: &[Arc<PooledConnection>], may_probe: bool) -> Vec<bool> {
        let hosts = links.iter().map(|link| link.place.host);
        self.hosts_take_calls(hosts, may_probe)
    }

    fn hosts_take_calls(&self, hosts: impl Iterator<Item = HostId>, may_probe: bool) -> Vec<bool> {
        let (ejections, now) = (self.lock(), Instant::now());
        let takes = |host| match ejections.takes(host, now) {
            Takes::Calls => true,
            Takes::Probe => !may_probe,
            Takes::Nothing => false,
        };
        hosts.map(takes).collect()
    }

    /// Records the end of a call that was made to this host.
    pub(in crate::client) fn learn(&self, host: HostId, is_event: bool, is_probe: bool, answer: &Answer) {
        let verdict = match answer {
            // The operating system has accepted the event, which says nothing about the host.
            Ok(_) if is_event => Verdict::Nothing,
            Ok(_) => Verdict::Well,
            Err(error) => self.verdict(error),
        };
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

    /// Records that the caller of a probe no longer waits for its end.
    pub(in crate::client) fn probe_dropped(&self, host: HostId) {
        self.lock().undecided(host, Instant::now());
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
        let health = Health::new(None);
        let hosts = [health.join(), health.join()];
        let take_events = || health.hosts_take_calls(hosts.into_iter(), false);
        for _ in 0..3 {
            let lost = Err(CallError::ConnectionClosed(DisconnectReason::ByPeer));
            health.learn(hosts[0], true, false, &lost);
        }
        assert_eq!(take_events(), [false, true]);
        tokio::time::advance(Duration::from_secs(2)).await;
        assert_eq!(take_events(), [true, true]);
        let take_requests = health.hosts_take_calls(hosts.into_iter(), true);
        assert_eq!(take_requests, [false, true], "the next request is its probe");
    }
}
