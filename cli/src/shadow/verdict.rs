//! What a shadow found, as a file, on the screen and as an exit status.

use std::time::Duration;

use super::{
    ShadowArgs,
    call::Results,
    outcome::{Kind, Outcome},
};
use crate::{
    failure::{Failure, Status, warn},
    plural::counted,
    result_file,
    traffic::text::seconds,
};

/// Writes and shows the result.
///
/// # Errors
/// The candidate differs or did not answer, or nothing was compared.
pub(super) fn give(args: &ShadowArgs, address: &str, results: Results, took: Duration) -> Result<(), Failure> {
    for pointer in results.comparer.unused() {
        warn(format_args!("--ignore {pointer} matched nothing"));
    }
    if let Some((reason, calls)) = &results.tally.no_second_answers {
        let calls = counted(*calls, "second answer");
        warn(format_args!("{calls} did not come, the first because: {reason}"));
    }
    let outcome = outcome(args, &results, took);
    let passed = results.tally.passed;
    let written = result_file::write(args.output.as_deref(), args.force, &outcome);
    let shown = results.screen.finish(&outcome);
    written?;
    if let Some(error) = shown.error {
        let what = format!("the output cannot be written: {error}");
        return Err(Failure::new(Status::Unwritable, what));
    }
    if shown.dropped > 0 {
        let what = format!("nobody read the output: {} not shown", counted(shown.dropped, "line"));
        if args.output.is_none() {
            return Err(Failure::new(Status::Unwritable, what));
        }
        warn(format_args!("{what}; the result has everything"));
    }
    match outcome {
        Outcome { fields: 1.., .. } | Outcome { unanswered: 1.., .. } => Err(Failure::silent(Status::Unwanted)),
        Outcome { compared: 0, .. } => Err(nothing_compared(address, passed)),
        _ => Ok(()),
    }
}

fn outcome(args: &ShadowArgs, results: &Results, took: Duration) -> Outcome {
    let tally = &results.tally;
    let patterns = tally.outcomes();
    let fields = patterns.iter().flat_map(|pattern| &pattern.fields);
    Outcome {
        kind: Kind::Shadow,
        tool: format!("nest-wire {}", env!("CARGO_PKG_VERSION")),
        primary: args.primary.to_string(),
        candidate: args.candidate.to_string(),
        secondary: args.secondary.as_ref().map(ToString::to_string),
        seconds: seconds(took),
        compared: patterns.iter().map(|pattern| pattern.compared).sum(),
        fields: fields.filter(|field| !field.is_noise).count() as u64,
        unanswered: tally.unanswered.values().sum(),
        reasons: tally.unanswered.clone().into_iter().collect(),
        skipped: tally.skipped,
        events: tally.events,
        lost_events: tally.lost_events,
        patterns,
    }
}

/// `passed` is the number of requests and events.
fn nothing_compared(address: &str, passed: u64) -> Failure {
    match passed {
        0 => {
            Failure::new(Status::Unwanted, "nothing was compared").hint(format!("do the callers connect to {address}?"))
        }
        passed => {
            let passed = counted(passed, "request or event").replace("request or events", "requests and events");
            let what = format!("nothing was compared, though {passed} passed");
            Failure::new(Status::Unwanted, what)
        }
    }
}
