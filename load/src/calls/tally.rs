//! What all connections of a run have measured so far.

use std::time::Duration;

use hdrhistogram::Histogram;

/// Number of significant digits of a latency.
const DIGITS: u8 = 3;
/// Maximum latency that is recorded as it is, in nanoseconds: an hour.
const MAX_NANOSECONDS: u64 = 3_600_000_000_000;
/// Maximum number of faults that are kept.
const MAX_FAULTS: usize = 3;

/// The figures of a run. All latencies are in nanoseconds.
#[derive(Debug, Clone)]
pub struct Tally {
    /// Times of the calls that went well, from when they were due until their last reply was read.
    pub latency: Histogram<u64>,
    /// Times of the same calls from when they were handed to the connection.
    pub service_time: Histogram<u64>,
    /// Times of the calls that were answered with an error or a wrong value, from when they were
    /// due.
    pub failed: Histogram<u64>,
    /// Number of calls begun.
    pub begun: u64,
    /// Number of calls that were answered with an error.
    pub errors: u64,
    /// Number of calls that were answered with another value than the expected one.
    pub wrong: u64,
    /// Calls that were never answered.
    pub lost: Lost,
    /// The first three errors and wrong values.
    pub faults: Vec<Fault>,
    /// Number of bytes sent.
    pub sent: u64,
    /// Number of bytes received.
    pub received: u64,
}

/// Calls that were never answered, by the reason.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Lost {
    /// Their connection ended.
    pub with_connection: u64,
    /// No call of their connection ended in the time allowed.
    pub late: u64,
}

/// An answer that was not wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The JSON of an error.
    Error(String),
    /// The JSON of a value that is not the expected one, or `None` if there was none.
    Wrong(Option<String>),
}

impl Tally {
    pub(super) fn new() -> Self {
        let histogram = || {
            let histogram = Histogram::new_with_bounds(1, MAX_NANOSECONDS, DIGITS);
            histogram.expect("bounds and digits are in range")
        };
        Self {
            latency: histogram(),
            service_time: histogram(),
            failed: histogram(),
            begun: 0,
            errors: 0,
            wrong: 0,
            lost: Lost::default(),
            faults: Vec::new(),
            sent: 0,
            received: 0,
        }
    }

    /// Returns the number of calls that ended with an answer, whichever.
    #[must_use]
    pub fn answered(&self) -> u64 {
        self.latency.len() + self.failed.len()
    }

    /// Returns the number of calls that went wrong in any way.
    #[must_use]
    pub fn failures(&self) -> u64 {
        self.failed.len() + self.lost.with_connection + self.lost.late
    }

    pub(super) fn well(&mut self, latency: Duration, service_time: Duration) {
        record(&mut self.latency, latency);
        record(&mut self.service_time, service_time);
    }

    pub(super) fn badly(&mut self, latency: Duration, fault: impl FnOnce() -> Fault, is_error: bool) {
        record(&mut self.failed, latency);
        match is_error {
            true => self.errors += 1,
            false => self.wrong += 1,
        }
        if self.faults.len() < MAX_FAULTS {
            self.faults.push(fault());
        }
    }
}

fn record(histogram: &mut Histogram<u64>, time: Duration) {
    // Longer ones count as an hour, shorter ones as a nanosecond.
    let nanoseconds = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
    histogram.saturating_record(nanoseconds.max(1));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_latency_is_too_long_or_too_short_to_count() {
        let mut tally = Tally::new();
        for time in [Duration::ZERO, Duration::from_micros(118), Duration::MAX] {
            tally.well(time, Duration::ZERO);
        }
        assert_eq!((tally.answered(), tally.latency.len()), (3, 3));
        let median = tally.latency.value_at_quantile(0.5);
        assert!((118_000..118_200).contains(&median), "{median}");
    }

    #[test]
    fn only_the_first_faults_are_kept() {
        let mut tally = Tally::new();
        for number in 0..10 {
            tally.badly(Duration::ZERO, || Fault::Error(number.to_string()), true);
        }
        tally.badly(Duration::ZERO, || Fault::Wrong(None), false);
        assert_eq!((tally.errors, tally.wrong, tally.failures()), (10, 1, 11));
        let expected = ["0", "1", "2"].map(|number| Fault::Error(number.to_owned()));
        assert_eq!(tally.faults, expected);
    }
}
