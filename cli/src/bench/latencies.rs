//! The latencies of a run: percentiles and a histogram, in seconds.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

/// Latencies, as `--json` prints them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Latencies {
    pub(crate) count: u64,
    pub(crate) mean: f64,
    pub(crate) p50: f64,
    pub(crate) p90: f64,
    pub(crate) p95: f64,
    pub(crate) p99: f64,
    #[serde(rename = "p99.9")]
    pub(crate) p99_9: f64,
    #[serde(rename = "p99.99")]
    pub(crate) p99_99: f64,
    pub(crate) max: f64,
    /// Upper bounds, and how many latencies are not above each but above the one before. Empty
    /// parts are left out.
    pub(crate) histogram: Vec<(f64, u64)>,
}

/// Number of parts of the histogram from one latency to its double.
const PARTS: i32 = 8;
/// One of the bounds, in nanoseconds; the doubles of it are bounds too.
const A_BOUND: f64 = 50_000.0;

impl Latencies {
    /// Returns the latencies of a histogram of nanoseconds, or `None` if there are none.
    pub(crate) fn of(histogram: &Histogram<u64>) -> Option<Self> {
        let at = |quantile| microseconds(histogram.value_at_quantile(quantile));
        (!histogram.is_empty()).then(|| Self {
            count: histogram.len(),
            mean: (histogram.mean() / 1e3).round() / 1e6,
            p50: at(0.5),
            p90: at(0.9),
            p95: at(0.95),
            p99: at(0.99),
            p99_9: at(0.999),
            p99_99: at(0.9999),
            max: microseconds(histogram.max()),
            histogram: parts(histogram),
        })
    }

    /// Returns the latencies that have names, in the order of `threshold::LATENCIES`.
    pub(crate) fn named(&self) -> [f64; 7] {
        [
            self.p50,
            self.p90,
            self.p95,
            self.p99,
            self.p99_9,
            self.p99_99,
            self.max,
        ]
    }

    /// Returns the histogram with bounds that double, and how many latencies each part has. No part
    /// between two others is left out.
    pub(crate) fn doubling(&self) -> Vec<(f64, u64)> {
        let mut sums: BTreeMap<i32, u64> = BTreeMap::new();
        for (bound, count) in &self.histogram {
            let part = (bound * 1e9 / A_BOUND).log2() * f64::from(PARTS);
            let doubling = (part.round() / f64::from(PARTS)).ceil() as i32;
            *sums.entry(doubling).or_default() += count;
        }
        let (Some((&first, _)), Some((&last, _))) = (sums.first_key_value(), sums.last_key_value()) else {
            return Vec::new();
        };
        let part = |doubling| {
            let bound = A_BOUND / 1e9 * 2_f64.powi(doubling);
            (bound, sums.get(&doubling).copied().unwrap_or_default())
        };
        (first..=last).map(part).collect()
    }
}

fn parts(histogram: &Histogram<u64>) -> Vec<(f64, u64)> {
    let mut parts: BTreeMap<i32, u64> = BTreeMap::new();
    for step in histogram.iter_recorded() {
        let value = step.value_iterated_to() as f64;
        let part = ((value / A_BOUND).log2() * f64::from(PARTS)).ceil() as i32;
        *parts.entry(part).or_default() += step.count_since_last_iteration();
    }
    let bound = |part: i32| A_BOUND * 2_f64.powf(f64::from(part) / f64::from(PARTS)) / 1e9;
    let parts = parts
        .into_iter()
        .map(|(part, count)| ((bound(part) * 1e9).round() / 1e9, count));
    parts.collect()
}

fn microseconds(nanoseconds: u64) -> f64 {
    (nanoseconds as f64 / 1e3).round() / 1e6
}

#[cfg(test)]
impl Latencies {
    /// Latencies that are all the same.
    pub(crate) fn sample(seconds: f64) -> Self {
        let mut histogram = Histogram::new(3).expect("three digits");
        histogram.record((seconds * 1e9) as u64).expect("in range");
        let mut latencies = Self::of(&histogram).expect("one latency");
        let same = [
            &mut latencies.p50,
            &mut latencies.p99,
            &mut latencies.p99_99,
            &mut latencies.max,
        ];
        same.into_iter().for_each(|latency| *latency = seconds);
        latencies
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_latency_is_in_one_part_whose_bound_it_does_not_exceed() {
        let mut histogram = Histogram::<u64>::new(3).expect("three digits");
        for microseconds in 1..=1000 {
            histogram.record(microseconds * 1000).expect("in range");
        }
        let latencies = Latencies::of(&histogram).expect("latencies");
        assert_eq!(latencies.count, 1000);
        assert_eq!(latencies.histogram.iter().map(|(_, count)| count).sum::<u64>(), 1000);
        assert!(latencies.histogram.windows(2).all(|pair| pair[0].0 < pair[1].0));
        let doubling = latencies.doubling();
        let to = |bound: f64| {
            doubling
                .iter()
                .find(|(upper, _)| (upper - bound).abs() < 1e-9)
                .expect("a part")
                .1
        };
        // Three digits: a latency may be counted one thousandth higher.
        assert!((48..=50).contains(&to(0.0001)), "{doubling:?}");
        assert!((198..=200).contains(&to(0.0004)), "{doubling:?}");
        assert_eq!(doubling.iter().map(|(_, count)| count).sum::<u64>(), 1000);
        assert!((0.000_49..0.000_51).contains(&latencies.p50));
        assert!((0.000_99..=0.001_001).contains(&latencies.max));
    }

    #[test]
    fn without_latencies_there_are_no_percentiles() {
        assert_eq!(Latencies::of(&Histogram::new(3).expect("three digits")), None);
    }
}
