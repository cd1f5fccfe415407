//! The page of a result of `nest-wire shadow`: the patterns, and the fields that differ.

use std::{
    io::{self, Write},
    time::Duration,
};

use super::{
    escaped::Html,
    page::{HEAD, STYLE},
};
use crate::{
    bench::units,
    shadow::{FieldOutcome, Outcome, PatternOutcome, total},
};

/// Writes the whole page.
pub(super) fn write(html: &mut Html<impl Write>, title: &str, outcome: &Outcome) -> io::Result<()> {
    html.markup(HEAD)?.text(title)?.markup(STYLE)?;
    html.markup("</head>\n<body>\n<h1>")?.text(title)?.markup("</h1>\n")?;
    let Outcome {
        tool,
        primary,
        candidate,
        seconds,
        ..
    } = outcome;
    let about = format!("{tool}: {primary} (primary), {candidate} (candidate), {seconds:.1} s");
    html.markup("<p class=about>")?.text(&about)?.markup("</p>\n<p>")?;
    html.text(&total(outcome))?.markup("</p>\n<h2>Patterns</h2>\n")?;
    write_patterns(html, &outcome.patterns)?;
    for (reason, calls) in &outcome.reasons {
        let line = format!("Not answered by the candidate: {reason} ({calls})");
        html.markup("<p class=note>")?.text(&line)?.markup("</p>\n")?;
    }
    html.markup("<h2>Fields that differ</h2>\n")?;
    write_fields(html, &outcome.patterns)?;
    html.markup("</body></html>\n")?.flush()
}

fn write_patterns(html: &mut Html<impl Write>, patterns: &[PatternOutcome]) -> io::Result<()> {
    let columns = [
        "pattern",
        "compared",
        "unanswered",
        "p50 primary",
        "p50 candidate",
        "p99 primary",
        "p99 candidate",
    ];
    write_head(html, "patterns", &columns)?;
    for pattern in patterns {
        let PatternOutcome { primary, candidate, .. } = pattern;
        let [compared, unanswered] = [pattern.compared, pattern.unanswered].map(units::grouped);
        let times = [primary.p50, candidate.p50, primary.p99, candidate.p99].map(shown);
        let [p50, candidate_p50, p99, candidate_p99] = &times;
        let cells = [
            &pattern.pattern,
            &compared,
            &unanswered,
            p50,
            candidate_p50,
            p99,
            candidate_p99,
        ];
        write_row(html, cells)?;
    }
    html.markup("</tbody></table></div>\n").map(|_| ())
}

fn write_fields(html: &mut Html<impl Write>, patterns: &[PatternOutcome]) -> io::Result<()> {
    let mut fields: Vec<(&PatternOutcome, &FieldOutcome)> = patterns
        .iter()
        .flat_map(|pattern| pattern.fields.iter().map(move |field| (pattern, field)))
        .collect();
    if fields.is_empty() {
        return html.markup("<p class=note>None.</p>\n").map(|_| ());
    }
    // Noise last, and what differs most first.
    fields.sort_by_key(|(_, field)| (field.is_noise, std::cmp::Reverse(field.differs)));
    let columns = [
        "pattern",
        "field",
        "differ",
        "noise",
        "example: data",
        "place",
        "primary",
        "candidate",
    ];
    write_head(html, "'patterns fields'", &columns)?;
    for (pattern, field) in fields {
        write_field(html, pattern, field)?;
    }
    html.markup("</tbody></table></div>\n")?;
    html.markup("<p class=note>Noise: the primary's own second answers differ there about as often.</p>\n")
        .map(|_| ())
}

fn write_field(html: &mut Html<impl Write>, pattern: &PatternOutcome, field: &FieldOutcome) -> io::Result<()> {
    let grouped = units::grouped;
    let differ = format!("{} of {}", grouped(field.differs), grouped(pattern.compared));
    let noise = match (pattern.asked_again, field.is_noise) {
        (0, _) => String::new(),
        (again, is_noise) => {
            let yes = if is_noise { "yes: " } else { "no: " };
            format!("{yes}{} of {}", grouped(field.differs_from_itself), grouped(again))
        }
    };
    let blank = String::new();
    let mut cells = [&pattern.pattern, &field.pointer, &differ, &noise];
    if field.samples.is_empty() {
        return write_row(html, cells);
    }
    for sample in &field.samples {
        let example = [&sample.data, &sample.place, &sample.primary, &sample.candidate];
        write_row(html, cells.into_iter().chain(example))?;
        cells = [&blank; 4];
    }
    Ok(())
}

fn write_head(html: &mut Html<impl Write>, class: &'static str, columns: &[&str]) -> io::Result<()> {
    html.markup("<div class=scroll><table class=")?.markup(class)?;
    html.markup("><thead><tr>")?;
    for column in columns {
        html.markup("<th>")?.text(column)?;
    }
    html.markup("</thead><tbody>\n").map(|_| ())
}

fn write_row<'c>(html: &mut Html<impl Write>, cells: impl IntoIterator<Item = &'c String>) -> io::Result<()> {
    html.markup("<tr>")?;
    for cell in cells {
        html.markup("<td>")?.text(cell)?;
    }
    html.markup("\n").map(|_| ())
}

fn shown(seconds: Option<f64>) -> String {
    // A result may have been written by hand.
    let time = |seconds| units::time(Duration::try_from_secs_f64(seconds).unwrap_or_default());
    seconds.map(time).unwrap_or_default()
}
