//! A result as people read it.

use std::{fmt::Write, time::Duration};

use super::{
    latencies::Latencies,
    outcome::Outcome,
    units::{bytes, grouped, percent, time},
};
use crate::record::screen::columns;

/// Maximum width of a bar.
const MAX_BAR: usize = 60;
/// Number of columns beside a bar.
const BESIDE: usize = 20;
/// The share of a core from which on the figures may be our own.
pub(super) const BUSY: f64 = 0.9;

/// Returns the lines for standard output.
pub(super) fn of(outcome: &Outcome) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = write(&mut text, outcome);
    text
}

fn write(out: &mut String, outcome: &Outcome) -> std::fmt::Result {
    let Outcome {
        tool,
        address,
        calls_of,
        seconds,
        ..
    } = outcome;
    writeln!(
        out,
        "{tool} -> {address}, {calls_of}, {}, {seconds:.1} s",
        outcome.load()
    )?;
    let what = if outcome.events { "events" } else { "calls" };
    writeln!(
        out,
        "{what:<9} {:<12} {}/s   {} {}   sent {}   received {}",
        grouped(outcome.calls),
        grouped(outcome.calls_per_second.round() as u64),
        grouped(outcome.failures()),
        if outcome.failures() == 1 { "error" } else { "errors" },
        bytes(outcome.bytes_sent),
        bytes(outcome.bytes_received)
    )?;
    if let Some(latency) = &outcome.latency {
        write_latency(out, latency)?;
    }
    writeln!(out, "{}", own_share(outcome))?;
    writeln!(out, "{}", meaning(outcome))
}

fn write_latency(out: &mut String, latency: &Latencies) -> std::fmt::Result {
    let shown = |seconds| time(Duration::from_secs_f64(seconds));
    writeln!(
        out,
        "latency   p50 {}   p90 {}   p99 {}   p99.9 {}   p99.99 {}   max {}",
        shown(latency.p50),
        shown(latency.p90),
        shown(latency.p99),
        shown(latency.p99_9),
        shown(latency.p99_99),
        shown(latency.max)
    )?;
    let parts = latency.doubling();
    let most = parts.iter().map(|(_, count)| *count).max().unwrap_or_default();
    let width = columns().saturating_sub(BESIDE).min(MAX_BAR);
    for (bound, count) in parts {
        let share = percent(count as f64 / latency.count as f64);
        let bar = bar(count as f64 / most.max(1) as f64, width);
        writeln!(
            out,
            "{}",
            format!("{:>9} {bar:<width$} {share:>6}", shown(bound)).trim_end()
        )?;
    }
    Ok(())
}

/// Returns a bar of eighths of a column. Any part of a column is seen.
fn bar(share: f64, width: usize) -> String {
    const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let eighths = (share * width as f64 * 8.0).ceil() as usize;
    "█".repeat(eighths / 8) + EIGHTHS[eighths % 8]
}

/// Returns how busy this side was: whose figures they are.
fn own_share(outcome: &Outcome) -> String {
    match outcome.own_cpu {
        Some(share) => format!(
            "this side used {} of one core; at 100 % the figures would be ours, not the service's",
            percent(share)
        ),
        None => "how busy this side was is not known on this system".to_owned(),
    }
}

fn meaning(outcome: &Outcome) -> &'static str {
    match (outcome.events, outcome.rate) {
        (true, _) => "events: an event has ended when the system has taken it; nobody can see whether it was handled.",
        (false, None) => {
            "closed loop: while the service stalls nothing is asked, so stalls count once. --rate shows what callers would feel."
        }
        (false, Some(_)) => "open loop: latency counts from when a call was due, also while the service stalls.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_says_how_much_how_long_and_whose_figures_they_are() {
        let text = of(&Outcome::sample());
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines[..3],
            [
                "nest-wire 0.1.0 -> localhost:8888, sum, 4 connections x 16 in flight, closed loop, 10.0 s",
                "calls     5,210,433    521,043/s   0 errors   sent 318 MB   received 318 MB",
                "latency   p50 118 us   p90 118 us   p99 118 us   p99.9 118 us   p99.99 118 us   max 118 us",
            ]
        );
        assert!(
            lines[3].starts_with("   200 us ███") && lines[3].ends_with(" 100 %"),
            "{}",
            lines[3]
        );
        assert!(lines[4].starts_with("this side used 61 % of one core;"));
        assert!(lines[5].starts_with("closed loop: "));
        assert_eq!(lines.len(), 6);
    }

    #[test]
    fn bars_have_parts_of_a_column() {
        assert_eq!(
            [bar(0.0, 8), bar(0.001, 8), bar(0.5, 8), bar(1.0, 2)],
            ["", "▏", "████", "██"]
        );
    }
}
