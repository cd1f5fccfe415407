//! `nest-wire route`: the route of a pattern, and whether two patterns meet.

mod notes;
mod verdict;

use std::io::{self, Write};

use clap::Args;
use nest_wire::{Compat, Pattern, json::Value};

use crate::{
    call::pattern,
    caller::major,
    failure::{Failure, STATUSES, Status, warn},
};
use notes::notes;
use verdict::{Typed, Verdict};

/// Show the route of a pattern, by which Nest finds its handlers
///
/// A handler is registered under the route of its pattern. A call looks its pattern up,
/// and Nest first reads that as JSON if it can be: so the two may differ, and a call may
/// miss the handler whose pattern it repeats. With OTHER, shows both routes: status 0 if
/// a call to OTHER reaches a handler of PATTERN, 1 if not.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment, after_help = format!("{EXAMPLES}{STATUSES}"))]
pub(crate) struct Route {
    /// Follow this major of Nest, 7 to 12, instead of the newest; with --json, instead of each
    #[arg(long, value_name = "MAJOR", value_parser = major)]
    nest: Option<Compat>,
    /// Say in a sentence what meets, and why
    #[arg(long)]
    explain: bool,
    /// Print a line of JSON for each major, for programs
    #[arg(long, conflicts_with = "explain")]
    json: bool,
    /// Show the subject of NATS instead, or why there is none
    #[arg(long, conflicts_with_all = ["explain", "json", "other"])]
    nats: bool,
    /// The pattern of a handler: JSON if it begins with { or [, else a string
    #[arg(allow_negative_numbers = true)]
    pattern: String,
    /// The pattern of a call; PATTERN if absent
    #[arg(allow_negative_numbers = true)]
    other: Option<String>,
}

const EXAMPLES: &str = "\
Examples:
  nest-wire route '{\"b\":1,\"a\":\"x\"}'
  nest-wire route --explain '{\"cmd\":\"sum\"}' '{\"cmd\": \"sum\"}'

";

pub(crate) fn run(route: &Route) -> Result<(), Failure> {
    let handler = typed("PATTERN", &route.pattern)?;
    if route.nats {
        return print_subject(handler.pattern, route.nest.unwrap_or_default());
    }
    let other = route.other.as_deref().map(|text| typed("OTHER", text)).transpose()?;
    let call = other.as_ref().unwrap_or(&handler);
    let compat = route.nest.unwrap_or_default();
    let verdict = Verdict::of(&handler, call, compat);
    let notes = notes(&[&handler.pattern, &call.pattern], compat);
    match (route.json, route.explain) {
        (true, _) => print_json(route.nest, &handler, call)?,
        (_, true) => explain(route, &verdict, &notes)?,
        _ => print(route, &verdict, &notes)?,
    }
    match verdict.meet() {
        true => Ok(()),
        false if route.json || route.explain => Err(Failure::silent(Status::Unwanted)),
        false => Err(Failure::new(Status::Unwanted, verdict.sentence())),
    }
}

fn typed(name: &str, text: &str) -> Result<Typed, Failure> {
    let pattern = pattern(name, text)?;
    let text = text.to_owned();
    Ok(Typed { text, pattern })
}

fn print_subject(pattern: Pattern, compat: Compat) -> Result<(), Failure> {
    let subject = nest_wire_nats::subject(pattern, compat);
    let subject = subject.map_err(|error| Failure::new(Status::Unwanted, error))?;
    writeln!(io::stdout(), "{subject}")?;
    Ok(())
}

fn print(route: &Route, verdict: &Verdict<'_>, notes: &[String]) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{}", verdict.registered())?;
    if route.other.is_some() {
        writeln!(stdout, "{}", verdict.looked_up())?;
    }
    notes.iter().for_each(warn);
    Ok(())
}

fn explain(route: &Route, verdict: &Verdict<'_>, notes: &[String]) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{}", verdict.sentence())?;
    if let Some(reverse) = verdict.reverse().filter(|_| route.other.is_some()) {
        writeln!(stdout, "the other way round: {reverse}")?;
    }
    if route.nest.is_none() {
        for line in verdict.of_older_majors() {
            writeln!(stdout, "{line}")?;
        }
    }
    for note in notes {
        writeln!(stdout, "{note}")?;
    }
    Ok(())
}

fn print_json(nest: Option<Compat>, handler: &Typed, call: &Typed) -> io::Result<()> {
    let majors = nest.as_ref().map_or(Compat::ALL, std::slice::from_ref);
    let mut stdout = io::stdout().lock();
    for &compat in majors {
        let verdict = Verdict::of(handler, call, compat);
        let notes: Vec<Value> = notes(&[&handler.pattern, &call.pattern], compat)
            .into_iter()
            .map(Value::from)
            .collect();
        writeln!(
            stdout,
            r#"{{"type":"route","nest":{},"pattern":{},"registered":{},"call":{},"looked_up":{},"meet":{},"notes":{}}}"#,
            compat.major(),
            handler.pattern.to_json(),
            verdict.registered().to_json(),
            call.pattern.to_json(),
            verdict.looked_up_json(),
            verdict.meet(),
            Value::from(notes),
        )?;
    }
    Ok(())
}
