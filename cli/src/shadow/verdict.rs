//! What a shadow found, as a file, on the screen and as an exit status.

use std::time::Duration;

use super::{
    ShadowArgs,
    call::Results,
    outcome::{Kind, Outcome},
};
use crate::{
    failure::{Failure, Status, warn},
    record::log::counted,
    result_file,
    traffic::text::seconds,
};

/// Writes and shows the result.
///
/// # Errors
/// The candidate differs or did not answer, or nothing was compared.
pub(super) fn give(args: &ShadowArgs, results: Results, took: Duration) -> Result<(), Failure> {
    for pointer in results.comparer.unused() {
        warn(format_args!("--ignore {pointer} matched nothing"));
    }
    let outcome = outcome(args, &results, took);
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
        Outcome { compared: 0, .. } => Err(nothing_compared(args, &outcome)),
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
        patterns,
    }
}

fn nothing_compared(args: &ShadowArgs, outcome: &Outcome) -> Failure {
    let skipped = match outcome.skipped.sum() {
        0 => String::new(),
        calls => format!(": {} could not be", counted(calls, "call")),
    };
    let failure = Failure::new(Status::Unwanted, format_args!("nothing was compared{skipped}"));
    match skipped.is_empty() {
        true => failure.hint(format!("do the callers connect to {}?", args.listen)),
        false => failure,
    }
}
