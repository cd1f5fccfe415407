//! The result of a shadow, as `--json` and `--output` write it. Times are in seconds.

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

/// The result. Its members are documented in `docs/CLI.md`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Outcome {
    #[serde(rename = "type")]
    pub(crate) kind: Kind,
    pub(crate) tool: String,
    pub(crate) primary: String,
    pub(crate) candidate: String,
    pub(crate) secondary: Option<String>,
    pub(crate) seconds: f64,
    /// Number of calls that were compared.
    pub(crate) compared: u64,
    /// Number of fields that differ and are no noise, over all patterns.
    pub(crate) fields: u64,
    /// Number of calls that the candidate did not answer.
    pub(crate) unanswered: u64,
    /// Why, and how many calls for each reason.
    pub(crate) reasons: Vec<(String, u64)>,
    pub(crate) skipped: Skipped,
    /// Number of events that were copied.
    pub(crate) events: u64,
    /// Number of events that could not be.
    pub(crate) lost_events: u64,
    pub(crate) patterns: Vec<PatternOutcome>,
}

/// The kind of a line of JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    Shadow,
}

/// Calls that were chosen and not compared.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Skipped {
    /// Too many copies were in flight.
    pub(crate) busy: u64,
    /// The request or the replies need too much memory.
    pub(crate) too_large: u64,
    /// The primary did not answer in time, its connection or the shadow ended before, or another
    /// call had the same id.
    pub(crate) unfinished: u64,
}

/// What was compared of one pattern.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct PatternOutcome {
    pub(crate) pattern: String,
    pub(crate) compared: u64,
    pub(crate) asked_again: u64,
    pub(crate) unanswered: u64,
    pub(crate) primary: Latency,
    pub(crate) candidate: Latency,
    pub(crate) fields: Vec<FieldOutcome>,
}

/// How long replies took to their last packet.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Latency {
    /// `None` if nothing was compared.
    pub(crate) p50: Option<f64>,
    pub(crate) p99: Option<f64>,
}

/// A field that differs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct FieldOutcome {
    /// A JSON pointer with `*` for indexes, or words in parentheses.
    pub(crate) pointer: String,
    /// Number of calls in which the candidate differs from the primary.
    pub(crate) differs: u64,
    /// Number of calls in which the primary differs from its second answer.
    pub(crate) differs_from_itself: u64,
    /// True if that explains the differences of the candidate.
    pub(crate) is_noise: bool,
    pub(crate) samples: Vec<Sample>,
}

/// An example of a field that differs. Long texts are cut.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Sample {
    /// The number of the call, from 1.
    pub(crate) call: u64,
    pub(crate) data: String,
    pub(crate) place: String,
    pub(crate) primary: String,
    pub(crate) candidate: String,
}

impl Skipped {
    pub(crate) fn sum(self) -> u64 {
        self.busy + self.too_large + self.unfinished
    }
}

impl Latency {
    /// Returns the latencies of a histogram of microseconds.
    pub(super) fn of(histogram: &Histogram<u32>) -> Self {
        let at = |share| (!histogram.is_empty()).then(|| histogram.value_at_quantile(share) as f64 / 1e6);
        Self {
            p50: at(0.5),
            p99: at(0.99),
        }
    }
}
