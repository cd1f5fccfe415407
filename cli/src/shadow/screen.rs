//! What a shadow shows: differences as they are found, and the counts at its end.

use std::{fmt::Write as _, io};

use anstyle::{AnsiColor, Color, Style};
use serde::Serialize;
use unicode_width::UnicodeWidthStr;

use super::outcome::{FieldOutcome, Outcome, PatternOutcome, Sample};
use crate::{
    plural::counted,
    record::terminal::{Shown, Terminal},
    traffic::text::{cut, json_line, printable, time},
};

/// Maximum width, in columns, of a value that is shown.
const SHOWN: usize = 60;
/// Width of the column of pointers.
const POINTER: usize = 28;

const ERROR: Style = Style::new().fg_color(Some(Color::Ansi(AnsiColor::Red)));

/// Standard output, which a thread of its own writes to.
pub(super) struct Screen {
    terminal: Terminal,
    is_json: bool,
}

/// A line for programs: the order of its members is fixed, `type` first.
#[derive(Serialize)]
struct JsonDifference<'d> {
    r#type: &'static str,
    pattern: &'d str,
    #[serde(flatten)]
    sample: &'d Sample,
}

#[derive(Serialize)]
struct JsonUnanswered<'d> {
    r#type: &'static str,
    pattern: &'d str,
    call: u64,
    reason: &'d str,
}

impl Screen {
    /// Returns a screen on standard output. What cannot be written there is given up.
    pub(super) fn new(is_json: bool) -> Self {
        let output: Box<dyn io::Write + Send> = match is_json {
            true => Box::new(io::stdout()),
            false => Box::new(anstream::stdout()),
        };
        Self {
            terminal: Terminal::new(output, || {}),
            is_json,
        }
    }

    /// Shows the first differences of a field, all of one call.
    pub(super) fn differences(&mut self, pattern: &str, samples: &[Sample]) {
        let Some(first) = samples.first() else { return };
        let text = match self.is_json {
            true => samples.iter().map(|sample| json_difference(pattern, sample)).collect(),
            false => head(pattern, first) + &samples.iter().map(difference).collect::<String>(),
        };
        self.terminal.write(text, samples.len() as u64);
    }

    /// Shows the first call that the candidate did not answer for a reason.
    pub(super) fn unanswered(&mut self, call: u64, pattern: &str, reason: &str) {
        let text = match self.is_json {
            true => {
                let line = JsonUnanswered {
                    r#type: "unanswered",
                    pattern,
                    call,
                    reason,
                };
                json_line(&line) + "\n"
            }
            false => {
                let reason = cut(&printable(reason), SHOWN * 2);
                format!(
                    "  {ERROR}✗{ERROR:#} {}   call {call}\n      {reason}\n",
                    printable(pattern)
                )
            }
        };
        self.terminal.write(text, 1);
    }

    /// Shows the counts, and waits until all is written or nothing more can be.
    pub(super) fn finish(mut self, outcome: &Outcome) -> Shown {
        let text = match self.is_json {
            true => json_line(outcome) + "\n",
            false => end(outcome),
        };
        let lines = text.lines().count() as u64;
        self.terminal.write(text, lines);
        self.terminal.finish()
    }
}

fn json_difference(pattern: &str, sample: &Sample) -> String {
    let line = JsonDifference {
        r#type: "difference",
        pattern,
        sample,
    };
    json_line(&line) + "\n"
}

fn head(pattern: &str, sample: &Sample) -> String {
    let title = cut(&printable(&format!("{pattern} {}", sample.data)), SHOWN);
    format!("  {ERROR}✗{ERROR:#} {title}   call {}\n", sample.call)
}

fn difference(sample: &Sample) -> String {
    let shown = |value: &str| cut(&printable(value), SHOWN);
    let place = printable(&sample.place);
    let (primary, candidate) = (shown(&sample.primary), shown(&sample.candidate));
    format!("      {place:<POINTER$} {primary}  ->  {candidate}\n")
}

/// Returns the counts as text.
fn end(outcome: &Outcome) -> String {
    let mut text = String::new();
    let names = outcome.patterns.iter().map(|pattern| name(pattern).width());
    let width = names.max().unwrap_or_default();
    for pattern in &outcome.patterns {
        let name = name(pattern);
        let padding = width - name.width();
        let latency = |latency: super::outcome::Latency| {
            let seconds = [latency.p50, latency.p99].map(Option::unwrap_or_default);
            let [p50, p99] = seconds.map(std::time::Duration::from_secs_f64);
            format!("p50 {}, p99 {}", time(p50), time(p99))
        };
        let mut line = format!("{name}{:padding$}  {:>8} compared", "", pattern.compared);
        if pattern.unanswered > 0 {
            line += &format!(", {} unanswered", pattern.unanswered);
        }
        if pattern.compared > 0 {
            line += &format!("   {}  ->  {}", latency(pattern.primary), latency(pattern.candidate));
        }
        writeln!(text, "{line}").expect("memory can be written to");
        for field in &pattern.fields {
            text += &field_line(pattern, field);
        }
    }
    for (reason, calls) in &outcome.reasons {
        let calls = counted(*calls, "call");
        writeln!(text, "unanswered: {}: {calls}", printable(reason)).expect("memory can be written to");
    }
    text + &total(outcome) + "\n"
}

fn name(pattern: &PatternOutcome) -> String {
    cut(&printable(&pattern.pattern), SHOWN)
}

fn field_line(pattern: &PatternOutcome, field: &FieldOutcome) -> String {
    let pointer = printable(&field.pointer);
    let FieldOutcome { differs, .. } = field;
    let of = pattern.compared;
    let (mark, noise) = match field.is_noise {
        true => (
            "~",
            format!(
                "   noise: so do {} of {} second answers of the primary",
                field.differs_from_itself, pattern.asked_again
            ),
        ),
        false => ("✗", String::new()),
    };
    format!("  {mark} {pointer:<POINTER$} {differs} of {of} differ{noise}\n")
}

/// Returns the last line: how much was compared, and what differs.
pub(crate) fn total(outcome: &Outcome) -> String {
    let fields = match outcome.fields {
        0 => "no difference".to_owned(),
        1 => "1 field differs".to_owned(),
        fields => format!("{fields} fields differ"),
    };
    let mut line = format!("{} compared, {fields}", counted(outcome.compared, "call"));
    if outcome.unanswered > 0 {
        line += &format!("; {} not answered by the candidate", outcome.unanswered);
    }
    let skipped = outcome.skipped;
    if skipped.sum() > 0 {
        line += &format!("; {} not compared", skipped.sum());
        let parts = [
            (skipped.busy, "too many in flight"),
            (skipped.too_large, "too large"),
            (skipped.unfinished, "unfinished"),
        ];
        let parts = parts.iter().filter(|(calls, _)| *calls > 0);
        let parts: Vec<String> = parts.map(|(calls, why)| format!("{calls} {why}")).collect();
        line += &format!(" ({})", parts.join(", "));
    }
    if outcome.events > 0 {
        line += &format!("; {} copied", counted(outcome.events, "event"));
    }
    if outcome.lost_events > 0 {
        line += &format!("; {} not copied", counted(outcome.lost_events, "event"));
    }
    line
}
