//! `--against`: a result beside an earlier one.

use std::{path::Path, time::Duration};

use super::{outcome::Outcome, threshold::LATENCIES, units};
use crate::{
    failure::{Failure, warn},
    result_file,
};

/// An earlier result.
#[derive(Debug)]
pub(super) struct Earlier {
    name: String,
    outcome: Outcome,
}

impl Earlier {
    pub(super) fn read(path: &Path) -> Result<Self, Failure> {
        Ok(Self {
            name: path.display().to_string(),
            outcome: result_file::read(path, BENCH)?,
        })
    }

    /// Returns the lines that compare it with a new result. Warns if they measured different things.
    pub(super) fn compared_with(&self, now: &Outcome) -> String {
        let then = &self.outcome;
        if (then.load(), &then.calls_of, then.events) != (now.load(), &now.calls_of, now.events) {
            warn(format_args!(
                "{} is of another load: {}, {}",
                self.name,
                then.calls_of,
                then.load()
            ));
        }
        let mut text = format!("{:<9} {:>12} {:>12}   {}\n", "against", "then", "now", self.name);
        let rate = |outcome: &Outcome| format!("{}/s", units::grouped(outcome.calls_per_second.round() as u64));
        text += &row(
            "rate",
            &rate(then),
            &rate(now),
            then.calls_per_second,
            now.calls_per_second,
        );
        let (Some(before), Some(after)) = (&then.latency, &now.latency) else {
            return text;
        };
        for ((name, then), now) in LATENCIES.iter().zip(before.named()).zip(after.named()) {
            let shown = |seconds| units::time(Duration::from_secs_f64(seconds));
            text += &row(name, &shown(then), &shown(now), then, now);
        }
        text
    }
}

/// The name of the command in its results.
pub(crate) const BENCH: &str = "bench";

fn row(name: &str, then: &str, now: &str, before: f64, after: f64) -> String {
    let change = match before {
        0.0 => String::new(),
        before => format!("{:+.1} %", (after / before - 1.0) * 100.0),
    };
    let line = format!("  {name:<7} {then:>12} {now:>12} {change:>10}");
    format!("{}\n", line.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_figure_stands_beside_the_earlier_one() {
        let earlier = Earlier {
            name: "before.json".to_owned(),
            outcome: Outcome::sample(),
        };
        let mut now = Outcome::sample();
        now.calls_per_second *= 1.1;
        let text = earlier.compared_with(&now);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[1], "  rate       521,043/s    573,148/s    +10.0 %");
        assert_eq!(lines[2], "  p50           118 us       118 us     +0.0 %");
        assert_eq!(lines.len(), 2 + LATENCIES.len());
    }
}
