//! Whether a run went well: the failures of its connections, its answers, its thresholds.

use std::time::Duration;

use nest_wire_load::calls::{Ended, Fault};

use super::{Bench, measuring::Measured, outcome::Outcome, screen::BUSY, units};
use crate::{
    duration,
    failure::{Failure, Status, warn},
};

/// Returns the outcome of the command. All failures are said.
pub(super) fn of(bench: &Bench, outcome: &Outcome, measured: &Measured) -> Result<(), Failure> {
    warnings(outcome);
    if let Some(signal) = measured.stopped {
        let after = duration::shown(measured.wall);
        return Err(Failure::stopped(signal, &format!("after {after}")));
    }
    let mut failures = Vec::new();
    failures.extend(of_connections(bench, measured));
    failures.extend(of_answers(bench, outcome, measured));
    failures.extend(of_rate(bench, measured));
    let faults = bench.fail_if.iter().filter_map(|threshold| threshold.fault(outcome));
    failures.extend(faults.map(|fault| Failure::new(Status::Unwanted, fault)));
    let status = failures
        .iter()
        .fold(Status::Enough, |status, failure| status.and(failure.status()));
    failures.iter().for_each(Failure::print);
    match status {
        Status::Enough => Ok(()),
        status => Err(Failure::silent(status)),
    }
}

fn warnings(outcome: &Outcome) {
    if outcome.own_cpu.is_some_and(|share| share > BUSY) {
        warn("this side was busy: the service may be faster than these figures");
    }
    if cfg!(debug_assertions) {
        warn("a debug build of nest-wire measures itself");
    }
}

/// Returns one failure for each way in which connections have ended.
fn of_connections(bench: &Bench, measured: &Measured) -> Vec<Failure> {
    let mut failures: Vec<(&Ended, Duration, usize)> = Vec::new();
    for (after, ended) in &measured.ended {
        match failures.iter_mut().find(|(other, ..)| *other == ended) {
            Some((.., count)) => *count += 1,
            None => failures.push((ended, *after, 1)),
        }
    }
    let failures = failures.into_iter();
    failures
        .map(|(ended, after, count)| of_connection(ended, after, count, bench))
        .collect()
}

/// Returns the failure of `count` connections, the first of which has ended like this.
pub(super) fn of_connection(ended: &Ended, after: Duration, count: usize, bench: &Bench) -> Failure {
    let all = bench.connections.get();
    let plural = if all == 1 { "" } else { "s" };
    let of = format!("{count} of {all} connection{plural}");
    let after = duration::shown(after);
    match ended {
        Ended::Well | Ended::Closed => Failure::new(
            Status::NoConnection,
            format_args!("the service closed {of} after {after}"),
        ),
        Ended::Failed(reason) => Failure::new(Status::NoConnection, format_args!("{of} lost after {after}: {reason}")),
        Ended::Broken(how) => Failure::new(
            Status::Unwanted,
            format_args!("the service broke the framing on {of}: {how}"),
        ),
        Ended::Silent(patience) => {
            let patience = duration::shown(*patience);
            Failure::new(Status::Late, format_args!("no answer within {patience} on {of}"))
        }
    }
}

/// Returns the failure of calls that were answered, and not as wanted, unless a threshold decides.
fn of_answers(bench: &Bench, outcome: &Outcome, measured: &Measured) -> Option<Failure> {
    let failed = outcome.errors + outcome.wrong;
    if failed == 0 || bench.fail_if.iter().any(super::Threshold::is_of_errors) {
        return None;
    }
    let shown = measured.tally.faults.iter().map(|fault| match fault {
        Fault::Error(error) => format!("\n  error {}", short(error)),
        Fault::Wrong(Some(value)) => format!("\n  answered {}", short(value)),
        Fault::Wrong(None) => "\n  answered another value, or none".to_owned(),
    });
    let message = format!(
        "{} of {} calls were not answered as wanted; the first ones:{}",
        units::grouped(failed),
        units::grouped(outcome.calls),
        shown.collect::<String>()
    );
    Some(Failure::new(Status::Unwanted, message))
}

/// Returns the beginning of a value of any size, on one line.
fn short(json: &str) -> String {
    crate::traffic::text::cut(&crate::traffic::text::printable(json), 100)
}

/// Returns the failure of an open loop that could not begin its calls in time.
fn of_rate(bench: &Bench, measured: &Measured) -> Option<Failure> {
    let rate = bench.rate?;
    let due = measured.due?;
    // Connections that have ended begin no calls, and have a failure of their own.
    if measured.tally.begun >= due || !measured.ended.is_empty() {
        return None;
    }
    let begun = measured.tally.begun as f64 / (due as f64 / rate);
    let message = format!(
        "{}/s could not be kept: {}/s were begun",
        units::grouped(rate as u64),
        units::grouped(begun as u64)
    );
    let failure = Failure::new(Status::Unwanted, message);
    Some(match bench.emit {
        true => failure.hint("the service reads more slowly than that"),
        false => failure,
    })
}
