//! The result of a run, as `--json` prints it. Times are in seconds.

use serde::{Deserialize, Serialize};

use super::{Bench, latencies::Latencies, measuring::Measured, questions::Questions};

/// The result of a run. Its members are documented in `docs/CLI.md`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Outcome {
    #[serde(rename = "type")]
    pub(crate) kind: Kind,
    pub(crate) tool: String,
    pub(crate) address: String,
    /// The pattern, or the file with the calls.
    pub(crate) calls_of: String,
    pub(crate) events: bool,
    pub(crate) connections: u64,
    /// Number of calls in flight on each connection, in a closed loop.
    pub(crate) in_flight: Option<u64>,
    /// Calls per second that were asked for, in an open loop.
    pub(crate) rate: Option<f64>,
    /// How long the run took.
    pub(crate) seconds: f64,
    /// True if a signal ended it.
    pub(crate) stopped: bool,
    pub(crate) begun: u64,
    /// Number of calls that were answered, well or not.
    pub(crate) calls: u64,
    pub(crate) calls_per_second: f64,
    pub(crate) errors: u64,
    pub(crate) wrong: u64,
    /// Number of calls whose connection ended before the answer.
    pub(crate) lost: u64,
    /// Number of calls that were given up.
    pub(crate) late: u64,
    /// The share of the calls that failed in any of these ways.
    pub(crate) error_share: f64,
    pub(crate) bytes_sent: u64,
    pub(crate) bytes_received: u64,
    /// The share of one core that this process used.
    pub(crate) own_cpu: Option<f64>,
    /// Of the calls that went well, from when they were due.
    pub(crate) latency: Option<Latencies>,
    /// Of the same calls, from when they were sent.
    pub(crate) service_time: Option<Latencies>,
    /// Of the calls that were answered with an error or a wrong value, from when they were due.
    pub(crate) failed_latency: Option<Latencies>,
}

/// The kind of a line of JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    Bench,
}

impl Outcome {
    pub(super) fn new(bench: &Bench, questions: &Questions, measured: &Measured) -> Self {
        let tally = &measured.tally;
        let seconds = measured.wall.as_secs_f64();
        let lost = tally.lost;
        let ended = tally.answered() + lost.with_connection + lost.late;
        Self {
            kind: Kind::Bench,
            tool: format!("nest-wire {}", env!("CARGO_PKG_VERSION")),
            address: bench.connect.address.to_string(),
            calls_of: questions.name.clone(),
            events: bench.emit,
            connections: bench.connections.get() as u64,
            in_flight: bench.rate.is_none().then_some(bench.in_flight as u64),
            rate: bench.rate,
            seconds: rounded(seconds),
            stopped: measured.stopped.is_some(),
            begun: tally.begun,
            calls: tally.answered(),
            calls_per_second: rounded(tally.answered() as f64 / seconds),
            errors: tally.errors,
            wrong: tally.wrong,
            lost: lost.with_connection,
            late: lost.late,
            error_share: tally.failures() as f64 / ended.max(1) as f64,
            bytes_sent: tally.sent,
            bytes_received: tally.received,
            own_cpu: measured.own_cpu.map(|cpu| rounded(cpu.as_secs_f64() / seconds)),
            latency: Latencies::of(&tally.latency),
            service_time: Latencies::of(&tally.service_time),
            failed_latency: Latencies::of(&tally.failed),
        }
    }

    /// Returns the number of calls that failed in any way.
    pub(crate) fn failures(&self) -> u64 {
        self.errors + self.wrong + self.lost + self.late
    }

    /// Returns the loop in words.
    pub(crate) fn load(&self) -> String {
        let connections = match self.connections {
            1 => "1 connection".to_owned(),
            connections => format!("{connections} connections"),
        };
        match (self.in_flight, self.rate) {
            (Some(in_flight), _) => format!("{connections} x {in_flight} in flight, closed loop"),
            (None, rate) => format!("{connections}, open loop at {}/s", rate.unwrap_or_default()),
        }
    }
}

/// Rounds to microseconds.
fn rounded(seconds: f64) -> f64 {
    (seconds * 1e6).round() / 1e6
}

#[cfg(test)]
impl Outcome {
    pub(crate) fn sample() -> Self {
        Self {
            kind: Kind::Bench,
            tool: "nest-wire 0.1.0".to_owned(),
            address: "localhost:8888".to_owned(),
            calls_of: "sum".to_owned(),
            events: false,
            connections: 4,
            in_flight: Some(16),
            rate: None,
            seconds: 10.0,
            stopped: false,
            begun: 5_210_433,
            calls: 5_210_433,
            calls_per_second: 521_043.3,
            errors: 0,
            wrong: 0,
            lost: 0,
            late: 0,
            error_share: 0.0,
            bytes_sent: 318_000_000,
            bytes_received: 318_000_000,
            own_cpu: Some(0.61),
            latency: Some(Latencies::sample(0.000_118)),
            service_time: None,
            failed_latency: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::traffic::text::json_line;

    #[test]
    fn a_result_is_read_as_it_was_written() {
        let outcome = Outcome::sample();
        let line = json_line(&outcome);
        assert!(line.starts_with(r#"{"type":"bench","tool":"nest-wire "#), "{line}");
        assert_eq!(serde_json::from_str::<Outcome>(&line).expect("a result"), outcome);
    }
}
