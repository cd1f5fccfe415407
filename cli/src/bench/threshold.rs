//! `--fail-if`: what a result must not be.

use std::{fmt, str::FromStr, time::Duration};

use super::{outcome::Outcome, units};
use crate::duration;

/// A condition under which a run has failed, as `p99>50ms`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Threshold {
    text: String,
    figure: Figure,
    is_above: bool,
    /// In seconds, calls, calls per second, or as a share.
    limit: f64,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Figure {
    /// A latency, by its place among the names in [`LATENCIES`].
    Latency(usize),
    /// Number of calls that failed.
    Errors,
    /// The share of the calls that failed, 0 to 1.
    ErrorShare,
    /// Calls per second.
    Rate,
}

/// The latencies that have a name.
pub(crate) const LATENCIES: [&str; 7] = ["p50", "p90", "p95", "p99", "p99.9", "p99.99", "max"];
const KNOWN: &str = "--fail-if knows p50 p90 p95 p99 p99.9 p99.99 max errors rate";
const FORM: &str = "write a figure, > or <, and a value: p99>50ms, errors>0.1%, rate<1000";

impl FromStr for Threshold {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let at = text.find(['>', '<']).ok_or(FORM)?;
        let (name, value) = (text[..at].trim(), text[at + 1..].trim());
        let number = |text: &str| {
            let number = text.trim().parse::<f64>().ok();
            number.filter(|number| number.is_finite() && *number >= 0.0).ok_or(FORM)
        };
        let (figure, limit) = match (name, value.strip_suffix('%')) {
            ("errors", Some(percent)) => (Figure::ErrorShare, number(percent)? / 100.0),
            ("errors", None) => (Figure::Errors, number(value)?),
            ("rate", _) => (Figure::Rate, number(value)?),
            _ => {
                let index = LATENCIES.iter().position(|latency| *latency == name).ok_or(KNOWN)?;
                (Figure::Latency(index), duration::parse(value)?.as_secs_f64())
            }
        };
        Ok(Self {
            text: text.to_owned(),
            figure,
            is_above: text[at..].starts_with('>'),
            limit,
        })
    }
}

impl fmt::Display for Threshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Threshold {
    /// Returns true if it is about failed calls.
    pub(super) fn is_of_errors(&self) -> bool {
        matches!(self.figure, Figure::Errors | Figure::ErrorShare)
    }

    /// Returns what is wrong with a result, or `None` if nothing is.
    pub(super) fn fault(&self, outcome: &Outcome) -> Option<String> {
        let figure = match self.figure {
            Figure::Latency(index) => match &outcome.latency {
                Some(latency) => latency.named()[index],
                None => return Some(format!("no call went well, so {self} cannot be checked")),
            },
            Figure::Errors => outcome.failures() as f64,
            Figure::ErrorShare => outcome.error_share,
            Figure::Rate => outcome.calls_per_second,
        };
        let is_crossed = match self.is_above {
            true => figure > self.limit,
            false => figure < self.limit,
        };
        is_crossed.then(|| format!("{} is {}: {self}", self.name(), self.shown(figure)))
    }

    fn name(&self) -> &'static str {
        match self.figure {
            Figure::Latency(index) => LATENCIES[index],
            Figure::Errors | Figure::ErrorShare => "errors",
            Figure::Rate => "rate",
        }
    }

    fn shown(&self, figure: f64) -> String {
        match self.figure {
            Figure::Latency(_) => units::time(Duration::from_secs_f64(figure)),
            Figure::Errors => units::grouped(figure as u64),
            Figure::ErrorShare => units::percent(figure),
            Figure::Rate => format!("{}/s", units::grouped(figure as u64)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::latencies::Latencies;

    fn fault(threshold: &str, outcome: &Outcome) -> Option<String> {
        threshold.parse::<Threshold>().expect("a threshold").fault(outcome)
    }

    #[test]
    fn what_is_no_threshold_says_what_is_known() {
        for (text, message) in [
            ("p42>50ms", KNOWN),
            ("errors", FORM),
            ("errors>", FORM),
            ("rate<-1", FORM),
            ("errors>NaN%", FORM),
            (
                "p99>soon",
                "write a number above 0, of seconds or with a unit: 2, 0.5, 500ms, 10s, 1m",
            ),
        ] {
            assert_eq!(text.parse::<Threshold>(), Err(message.to_owned()), "{text}");
        }
    }

    #[test]
    fn a_threshold_that_is_crossed_says_by_what() {
        let mut outcome = Outcome::sample();
        outcome.latency = Some(Latencies::sample(0.0612));
        (outcome.calls, outcome.errors, outcome.error_share) = (990, 10, 0.01);
        outcome.calls_per_second = 1234.5;
        for (threshold, expected) in [
            ("p99>50ms", Some("p99 is 61.2 ms: p99>50ms")),
            ("p99 > 0.0612", None),
            ("max<1s", Some("max is 61.2 ms: max<1s")),
            ("p99.99>1m", None),
            ("errors>0.1%", Some("errors is 1 %: errors>0.1%")),
            ("errors>1%", None),
            ("errors>9", Some("errors is 10: errors>9")),
            ("rate<2000", Some("rate is 1,234/s: rate<2000")),
            ("rate<1000", None),
        ] {
            assert_eq!(fault(threshold, &outcome).as_deref(), expected, "{threshold}");
        }
        outcome.latency = None;
        let message = "no call went well, so p50>1s cannot be checked";
        assert_eq!(fault("p50>1s", &outcome).as_deref(), Some(message));
    }
}
