//! The result of a run.

use std::time::Duration;

/// A run in which every reply was right.
#[derive(Debug, Clone)]
pub struct Report {
    /// Number of exchanges that were requested and completely answered.
    pub exchanges: u64,
    /// Time from the first sent byte to the last received one.
    pub wall: Duration,
    /// CPU time that the generator's thread used meanwhile.
    pub generator: Duration,
    /// Times from handing a request to the connection until its last reply was read, in
    /// nanoseconds, sorted.
    latencies: Vec<u64>,
}

impl Report {
    pub(super) fn new(wall: Duration, generator: Duration, mut latencies: Vec<u64>) -> Self {
        latencies.sort_unstable();
        Self {
            exchanges: latencies.len() as u64,
            wall,
            generator,
            latencies,
        }
    }

    /// Returns the latency that this share of the exchanges, between 0 and 1, did not exceed.
    #[must_use]
    pub fn latency(&self, share: f64) -> Duration {
        let last = self.latencies.len().saturating_sub(1);
        let index = (last as f64 * share).round() as usize;
        Duration::from_nanos(self.latencies.get(index).copied().unwrap_or_default())
    }

    /// Returns the exchanges per second.
    #[must_use]
    pub fn rate(&self) -> f64 {
        self.exchanges as f64 / self.wall.as_secs_f64()
    }

    /// Returns the share of the time in which the generator was busy. Near 1, the figures are the
    /// generator's own.
    #[must_use]
    pub fn generator_load(&self) -> f64 {
        self.generator.as_secs_f64() / self.wall.as_secs_f64()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_the_sorted_latencies() {
        let report = Report::new(Duration::from_secs(2), Duration::from_secs(1), vec![30, 10, 20]);
        assert_eq!(report.latency(0.0), Duration::from_nanos(10));
        assert_eq!(report.latency(0.5), Duration::from_nanos(20));
        assert_eq!(report.latency(1.0), Duration::from_nanos(30));
        assert_eq!((report.rate(), report.generator_load()), (1.5, 0.5));
    }
}
