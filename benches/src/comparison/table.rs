//! Prints the table row by row, as Markdown.

use std::error::Error;

use super::{Outcome, Spread, Unit};

/// Prints the head of the table.
pub fn print_head() {
    println!(
        "| {:<50} | {:<24} | {:>6} | {:<21} | {:>6} | {:<6} | {:>11} | {:>9} |",
        "load", "Nest / ours", "target", "ours / raw", "target", "holds", "ours", "generator"
    );
    println!(
        "| {0:-<50} | {0:-<24} | {0:-<5}: | {0:-<21} | {0:-<5}: | {0:-<6} | {0:-<10}: | {0:-<8}: |",
        "-"
    );
}

/// Prints a row.
pub fn print(outcome: &Outcome) {
    let target = |target: Option<f64>| target.map(|target| format!("{target:.2}")).unwrap_or_default();
    let holds = match outcome.is_met() {
        Some(true) => "yes",
        Some(false) => "**no**",
        None => "",
    };
    println!(
        "| {:<50} | {:<24} | {:>6} | {:<21} | {:>6} | {:<6} | {:>11} | {:>9} |",
        outcome.name,
        spread(outcome.nest_over_ours),
        target(outcome.nest_target),
        spread(outcome.ours_over_raw),
        target(outcome.raw_target),
        holds,
        figure(outcome.ours.median, outcome.unit),
        outcome
            .generator
            .map(|share| format!("{:.0} %", share * 100.0))
            .unwrap_or_default(),
    );
}

/// Prints a row that failed.
pub fn print_failure(name: &str, error: &dyn Error) {
    println!("| {name:<50} | failed: {error}");
}

fn spread(spread: Option<Spread>) -> String {
    spread.map_or_else(String::new, |Spread { median, least, most }| {
        format!("{median:.2} [{least:.2} .. {most:.2}]")
    })
}

fn figure(value: f64, unit: Unit) -> String {
    match unit {
        Unit::Nanoseconds if value >= 1e6 => format!("{:.2} ms", value / 1e6),
        Unit::Nanoseconds if value >= 1e4 => format!("{:.1} us", value / 1e3),
        Unit::Bytes if value >= 1e6 => format!("{:.2} MB", value / 1e6),
        Unit::Nanoseconds => format!("{value:.0} ns"),
        Unit::Bytes => format!("{value:.0} bytes"),
    }
}
