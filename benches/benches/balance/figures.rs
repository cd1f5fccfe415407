//! The figures of one simulation.

use std::fmt;

/// One row of the table, without its first columns.
pub(crate) struct Figures {
    idle: usize,
    /// Load of the busiest host, in fair shares.
    busiest: f64,
    /// Hosts that get more calls than they can handle.
    overloaded: usize,
    p50: f64,
    p99: f64,
}

impl Figures {
    pub(crate) fn of(calls_of_host: &[u32], latencies: &[f64], utilisation: f64) -> Self {
        let fair = latencies.len() as f64 / calls_of_host.len() as f64;
        let shares = calls_of_host.iter().map(|calls| f64::from(*calls) / fair);
        let mut latencies = latencies.to_vec();
        latencies.sort_unstable_by(f64::total_cmp);
        let percentile = |share: f64| latencies[(latencies.len() as f64 * share) as usize];
        Self {
            idle: calls_of_host.iter().filter(|calls| **calls == 0).count(),
            busiest: shares.clone().fold(0.0, f64::max),
            overloaded: shares.filter(|share| share * utilisation >= 1.0).count(),
            p50: percentile(0.5),
            p99: percentile(0.99),
        }
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            idle,
            busiest,
            overloaded,
            p50,
            p99,
        } = self;
        let times = |time: f64| match time {
            long if long >= 1_000.0 => "grows".to_owned(),
            time => format!("{time:.1}"),
        };
        write!(
            f,
            "{idle} | {busiest:.2} x fair | {} | {} | {overloaded}",
            times(*p50),
            times(*p99)
        )
    }
}
