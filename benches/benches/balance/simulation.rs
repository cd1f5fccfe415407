//! Callers and hosts as queues: calls come at random times, and each host handles one after the
//! other, as the event loop of a Node process does.

use std::{cmp::Reverse, collections::BinaryHeap};

use fastrand::Rng;

use crate::{UTILISATION, balancing::Balancing, figures::Figures};

pub(crate) struct Simulation {
    balancing: Balancing,
    random: Rng,
    now: f64,
    /// The time when each host has handled all calls that it has.
    free_at: Vec<f64>,
    /// The host of each caller's connection.
    connected_to: Vec<usize>,
    /// Number of calls in flight for each host: of each caller, or of the one bridge.
    in_flight: Vec<Vec<u32>>,
    completions: BinaryHeap<Reverse<Completion>>,
    calls_of_host: Vec<u32>,
    latencies: Vec<f64>,
}

/// The end of a call.
#[derive(Debug, PartialEq)]
struct Completion {
    at: f64,
    balancer: usize,
    host: usize,
}

impl Eq for Completion {}

impl PartialOrd for Completion {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Completion {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.at.total_cmp(&other.at)
    }
}

impl Simulation {
    pub(crate) fn new(callers: usize, hosts: usize, balancing: Balancing, seed: u64) -> Self {
        let mut random = Rng::with_seed(seed);
        let balancers = if balancing == Balancing::Bridge { 1 } else { callers };
        Self {
            balancing,
            connected_to: (0..callers).map(|_| random.usize(..hosts)).collect(),
            random,
            now: 0.0,
            free_at: vec![0.0; hosts],
            in_flight: vec![vec![0; hosts]; balancers],
            completions: BinaryHeap::new(),
            calls_of_host: vec![0; hosts],
            latencies: Vec::new(),
        }
    }

    /// Makes this many calls, by callers at random.
    pub(crate) fn run(&mut self, calls: u32) {
        let rate = UTILISATION * self.free_at.len() as f64;
        for _ in 0..calls {
            self.now += self.exponential() / rate;
            self.complete_calls();
            self.call();
        }
    }

    /// Forgets the figures of the calls so far.
    pub(crate) fn forget(&mut self) {
        self.latencies.clear();
        self.calls_of_host.fill(0);
    }

    pub(crate) fn figures(&self) -> Figures {
        Figures::of(&self.calls_of_host, &self.latencies, UTILISATION)
    }

    fn complete_calls(&mut self) {
        while let Some(Reverse(next)) = self.completions.peek()
            && next.at <= self.now
        {
            self.in_flight[next.balancer][next.host] -= 1;
            self.completions.pop();
        }
    }

    fn call(&mut self) {
        let caller = self.random.usize(..self.connected_to.len());
        let balancer = caller % self.in_flight.len();
        let host = match self.balancing {
            Balancing::Connection => self.connected_to[caller],
            Balancing::Call | Balancing::Bridge => Balancing::less_busy(&self.in_flight[balancer], &mut self.random),
        };
        let at = self.free_at[host].max(self.now) + self.exponential();
        self.free_at[host] = at;
        self.in_flight[balancer][host] += 1;
        self.completions.push(Reverse(Completion { at, balancer, host }));
        self.calls_of_host[host] += 1;
        self.latencies.push(at - self.now);
    }

    /// Returns a random duration whose mean is 1.
    fn exponential(&mut self) -> f64 {
        -(1.0 - self.random.f64()).ln()
    }
}
