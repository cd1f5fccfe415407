//! The page around timeline, table and packets: one file, without any other resource.

use std::{
    collections::BTreeMap,
    io::{self, Write},
};

use super::{Report, escaped::Html, table};
use crate::{
    plural::counted,
    traffic::{
        summary::Summary,
        text::{cut, time},
    },
};

/// Maximum number of notes of a recording that are shown.
const MAX_NOTES: usize = 20;
/// Maximum length of a note, and of the title.
const MAX_NOTE: usize = 300;

/// Nothing is loaded, and nothing runs but the script with this hash. The test in a browser fails if
/// a hash is not that of its file.
pub(super) const HEAD: &str = "<!doctype html>\n<html lang=en><head><meta charset=utf-8>\n\
    <meta http-equiv=Content-Security-Policy content=\"default-src 'none'; \
    style-src 'sha256-dm9o5B+QVqdIgLipjJVdlq1RaG18O0ymipB7pJ0qwPI='; script-src 'sha256-tYOOacrNkr4SzYDmzUeNwsmIN6lSFi5e6O8GC/AebZ4='; base-uri 'none'; form-action 'none'\">\n\
    <meta name=viewport content=\"width=device-width, initial-scale=1\">\n<title>";
pub(super) const STYLE: &str = concat!("</title>\n<style>", include_str!("page.css"), "</style>");
const SCRIPT: &str = concat!("<script>", include_str!("page.js"), "</script>\n</body></html>\n");

const LEGEND: &str = "<p class=legend>\
    <span><svg viewBox=\"0 0 14 11\"><rect class=ok y=1 width=14 height=9 /></svg>answered</span>\
    <span><svg viewBox=\"0 0 14 11\"><rect class=err y=1 width=14 height=9 /></svg>error</span>\
    <span><svg viewBox=\"0 0 14 11\"><rect class=none x=1 y=1 width=12 height=9 /></svg>never answered</span>\
    <span><svg viewBox=\"0 0 14 11\"><rect class=ok y=1 width=14 height=9 /><path class=notch d=\"M5 1v9M9 1v9\"/></svg>\
    values of a stream</span>\
    <span><svg viewBox=\"0 0 14 11\"><circle class=ev cx=7 cy=5.5 r=3.5 /></svg>event</span>\
    <span><svg viewBox=\"0 0 14 11\"><circle class=bad cx=7 cy=5.5 r=3.5 /></svg>broken frame, lost connection</span></p>\n";

const FILTER: &str = "<label class=filter hidden>Filter <input type=search \
    placeholder=\"words that a packet contains\" autocomplete=off> <output></output></label>\n";

/// Writes the whole page.
pub(super) fn write(
    html: &mut Html<impl Write>,
    title: &str,
    about: &BTreeMap<String, String>,
    report: &Report,
) -> io::Result<()> {
    let title = cut(title, MAX_NOTE);
    html.markup(HEAD)?.text(&title)?.markup(STYLE)?;
    html.markup("</head>\n<body>\n<h1>")?.text(&title)?.markup("</h1>\n")?;
    write_about(html, about, &report.summary)?;
    html.markup("<h2>Timeline</h2>\n")?.markup(LEGEND)?;
    report.timeline.draw(html)?;
    html.markup("<h2>Patterns</h2>\n")?;
    table::write(html, &report.summary)?;
    html.markup("<h2>Packets</h2>\n")?.markup(FILTER)?;
    report.packets.write(html)?;
    html.markup(SCRIPT)?.flush()
}

/// Writes the counts of all traffic, and the notes of the recording.
fn write_about(html: &mut Html<impl Write>, about: &BTreeMap<String, String>, summary: &Summary) -> io::Result<()> {
    html.markup("<p class=about>")?
        .text(&totals(summary))?
        .markup("</p>\n")?;
    let notes: Vec<String> = about
        .iter()
        .filter(|(key, _)| *key != "format")
        .take(MAX_NOTES)
        .map(|(key, note)| cut(&format!("{key} {note}"), MAX_NOTE))
        .collect();
    if notes.is_empty() {
        return Ok(());
    }
    html.markup("<p class=about>")?
        .text(&notes.join(" · "))?
        .markup("</p>\n")?;
    Ok(())
}

/// Returns the counts of all traffic in words.
pub(super) fn totals(summary: &Summary) -> String {
    let mut totals = format!(
        "{} on {}",
        counted(summary.packets, "packet"),
        counted(summary.connections, "connection")
    );
    if let Some(last) = summary.last {
        totals += &format!(" in {}", time(last));
    }
    let errors: u64 = summary.rows().iter().map(|(_, _, row)| row.errors).sum();
    let faults = [
        (errors, "error"),
        (summary.unanswered(), "unanswered call"),
        (summary.broken, "broken frame"),
    ];
    for (count, noun) in faults {
        if count > 0 {
            totals += &format!(", {}", counted(count, noun));
        }
    }
    totals
}
