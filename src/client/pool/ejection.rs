//! The hosts of a client that receive no calls for a while because calls to them fail. Plain data:
//! no I/O, no timers, no locks.
//!
//! ```text
//!         3 failures in a row                 its time is over, and a call is made
//!   In ─────────────────────────► Out ──────────────────────────────────────────► Probed
//!    ▲                             ▲  └─────────── any call succeeds ──────────┐      │
//!    │                             └──────────── the probe fails: out for longer ─────┤
//!    └─────────────────────────────────────────────────────────────────────────┴──────┘
//! ```
//!
//! Other clients call this outlier ejection (Envoy) or failure accrual (Linkerd).

use std::{collections::BTreeMap, time::Duration};

use tokio::time::Instant;

/// Number of failures in a row that eject a host.
const FAILURES: u32 = 3;
/// Duration of the first ejection of a host. Each further one in a row lasts twice as long, up to
/// `MAX_OUT`.
const MIN_OUT: Duration = Duration::from_secs(1);
const MAX_OUT: Duration = Duration::from_secs(60);
/// Fraction of the duration that is added or subtracted at random, so that many clients do not
/// return to a host at the same time.
const JITTER: f64 = 0.2;

/// Identifies a host. No two hosts of a client have the same number, even one after the other.
pub(in crate::client) type HostId = u64;

#[derive(Debug, Default)]
pub(in crate::client) struct Ejections {
    hosts: BTreeMap<HostId, HostHealth>,
    /// Number of hosts that are not `In`.
    out: usize,
    next: HostId,
}

#[derive(Debug, Clone, Default)]
struct HostHealth {
    /// Number of failures in a row.
    failures: u32,
    /// Number of ejections in a row.
    ejections: u32,
    standing: Standing,
}

/// In the order in which hosts return if too many are out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Standing {
    #[default]
    In,
    /// A call has been sent to find out if the host is healthy again.
    Probed,
    Out(Instant),
}

/// The calls that a host receives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::client) enum Takes {
    Calls,
    /// One call, which shows whether the host is healthy again.
    Probe,
    Nothing,
}

impl Ejections {
    /// Adds a host, which is `In`. Returns its key.
    pub(in crate::client) fn join(&mut self) -> HostId {
        let host = self.next;
        self.next += 1;
        self.hosts.insert(host, HostHealth::default());
        host
    }

    /// Removes a host. If more than half of the others are out by now, those return that would have
    /// returned first.
    pub(in crate::client) fn leave(&mut self, host: HostId) {
        let left = self.hosts.remove(&host);
        self.out -= usize::from(left.is_some_and(|host| host.standing != Standing::In));
        while self.out > self.max_out() {
            let out = self.hosts.values_mut().filter(|host| host.standing != Standing::In);
            if let Some(next) = out.min_by_key(|host| host.standing) {
                *next = HostHealth::default();
            }
            self.out -= 1;
        }
    }

    fn max_out(&self) -> usize {
        self.hosts.len() / 2
    }

    pub(in crate::client) fn takes(&self, host: HostId, now: Instant) -> Takes {
        match self.hosts.get(&host).map(|host| host.standing) {
            Some(Standing::Out(until)) if until <= now => Takes::Probe,
            Some(Standing::Out(_) | Standing::Probed) => Takes::Nothing,
            Some(Standing::In) | None => Takes::Calls,
        }
    }

    /// Records that a call is made as a probe.
    pub(in crate::client) fn probe(&mut self, host: HostId) {
        if let Some(host) = self.hosts.get_mut(&host) {
            host.standing = Standing::Probed;
        }
    }

    /// Records that a call has succeeded.
    pub(in crate::client) fn succeeded(&mut self, host: HostId) {
        if let Some(host) = self.hosts.get_mut(&host) {
            self.out -= usize::from(host.standing != Standing::In);
            *host = HostHealth::default();
        }
    }

    /// Records that a call has failed. While the host is ejected, only the failure of a probe
    /// counts.
    pub(in crate::client) fn failed(&mut self, host: HostId, is_probe: bool, now: Instant) {
        let max_out = self.max_out();
        let Some(host) = self.hosts.get_mut(&host) else {
            return;
        };
        match host.standing {
            Standing::In => {
                host.failures = host.failures.saturating_add(1);
                if host.failures >= FAILURES && self.out < max_out {
                    self.out += 1;
                    host.eject(now);
                }
            }
            Standing::Probed if is_probe => host.eject(now),
            Standing::Probed | Standing::Out(_) => {}
        }
    }

    /// Records that a probe has ended without a result: the next call is a probe.
    pub(in crate::client) fn undecided(&mut self, host: HostId, now: Instant) {
        if let Some(host) = self.hosts.get_mut(&host)
            && host.standing == Standing::Probed
        {
            host.standing = Standing::Out(now);
        }
    }

    /// Returns true if no host has failed since its last success.
    pub(in crate::client) fn is_clear(&self) -> bool {
        self.hosts.values().all(|host| host.failures == 0)
    }
}

impl HostHealth {
    fn eject(&mut self, now: Instant) {
        let doubled = 2_u32.saturating_pow(self.ejections);
        self.ejections = self.ejections.saturating_add(1);
        let time = MIN_OUT.saturating_mul(doubled).min(MAX_OUT);
        let jitter = 1.0 + JITTER * (2.0 * fastrand::f64() - 1.0);
        self.standing = Standing::Out(now + time.mul_f64(jitter));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(hosts: u64) -> Ejections {
        let mut ejections = Ejections::default();
        for _ in 0..hosts {
            ejections.join();
        }
        ejections
    }

    /// Records as many failures as eject a host.
    fn fail(ejections: &mut Ejections, host: HostId, now: Instant) {
        for _ in 0..FAILURES {
            ejections.failed(host, false, now);
        }
    }

    /// Returns the time after which an ejected host receives a probe, in milliseconds.
    fn time_out(ejections: &Ejections, host: HostId, now: Instant) -> u128 {
        let is_due = |ms: &u64| ejections.takes(host, now + Duration::from_millis(*ms)) == Takes::Probe;
        (0..100_000).find(is_due).expect("it is out for less").into()
    }

    #[test]
    fn failures_in_a_row_take_a_host_out_and_a_success_between_them_does_not() {
        let now = Instant::now();
        let mut ejections = of(2);
        for _ in 0..10 {
            ejections.failed(0, false, now);
            ejections.failed(0, false, now);
            assert!(!ejections.is_clear());
            ejections.succeeded(0);
            assert!(ejections.is_clear());
        }
        assert_eq!(ejections.takes(0, now), Takes::Calls);
        fail(&mut ejections, 0, now);
        assert_eq!(ejections.takes(0, now), Takes::Nothing);
        assert_eq!(ejections.takes(1, now), Takes::Calls);
    }

    #[test]
    fn each_time_it_is_out_for_longer_up_to_a_minute() {
        let mut now = Instant::now();
        let mut ejections = of(2);
        fail(&mut ejections, 1, now);
        for expected in [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000] {
            let time = time_out(&ejections, 1, now);
            assert!(
                (expected * 8 / 10..=expected * 12 / 10 + 1).contains(&time),
                "{expected}: {time}"
            );
            now += Duration::from_secs(100);
            assert_eq!(ejections.takes(1, now), Takes::Probe);
            ejections.probe(1);
            assert_eq!(ejections.takes(1, now), Takes::Nothing, "one probe at a time");
            ejections.failed(1, true, now);
        }
        ejections.succeeded(1);
        fail(&mut ejections, 1, now);
        assert!(time_out(&ejections, 1, now) <= 1_201, "a success makes it as new");
    }

    #[test]
    fn what_was_under_way_before_a_host_was_taken_out_does_not_count_against_it() {
        let mut now = Instant::now();
        let mut ejections = of(2);
        for _ in 0..30 {
            ejections.failed(0, false, now);
        }
        assert!(time_out(&ejections, 0, now) <= 1_201);
        now += Duration::from_secs(2);
        ejections.probe(0);
        ejections.failed(0, false, now);
        ejections.succeeded(0);
        assert_eq!(ejections.takes(0, now), Takes::Calls);
    }

    #[test]
    fn never_more_than_half_are_out() {
        let now = Instant::now();
        for (hosts, most) in [(1, 0), (2, 1), (3, 1), (4, 2), (9, 4)] {
            let mut ejections = of(hosts);
            (0..hosts).for_each(|host| fail(&mut ejections, host, now));
            let out = |ejections: &Ejections| {
                (0..hosts)
                    .filter(|host| ejections.takes(*host, now) != Takes::Calls)
                    .count()
            };
            assert_eq!(out(&ejections), most, "of {hosts}");
            if most > 0 {
                ejections.succeeded(0);
                assert_eq!(out(&ejections), most - 1);
                ejections.failed(hosts - 1, false, now);
                assert_eq!(out(&ejections), most, "another one's turn");
            }
        }
    }

    #[test]
    fn a_probe_that_tells_nothing_is_made_again() {
        let now = Instant::now();
        let mut ejections = of(2);
        fail(&mut ejections, 0, now);
        let later = now + Duration::from_secs(2);
        ejections.probe(0);
        ejections.undecided(0, later);
        assert_eq!(ejections.takes(0, later), Takes::Probe);
        // Another call has succeeded meanwhile.
        ejections.probe(0);
        ejections.succeeded(0);
        ejections.undecided(0, later);
        assert_eq!(ejections.takes(0, later), Takes::Calls);
    }

    #[test]
    fn hosts_that_leave_take_their_ejections_along() {
        let now = Instant::now();
        let mut ejections = of(4);
        fail(&mut ejections, 0, now);
        fail(&mut ejections, 1, now + Duration::from_secs(100));
        ejections.leave(2);
        assert_eq!(ejections.takes(0, now), Takes::Calls, "one of three at most");
        assert_eq!(ejections.takes(1, now), Takes::Nothing);
        ejections.leave(1);
        assert!(ejections.is_clear());
        ejections.failed(1, false, now);
        ejections.succeeded(1);
        assert!(ejections.is_clear(), "late news of a host that has left");
        let new = ejections.join();
        assert_eq!((new, ejections.takes(new, now)), (4, Takes::Calls));
        fail(&mut ejections, new, now);
        assert_eq!(ejections.takes(new, now), Takes::Nothing);
    }
}
