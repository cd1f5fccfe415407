//! The table by pattern.

use std::io::{self, Write};

use super::escaped::Html;
use crate::{
    plural::counted,
    traffic::{
        summary::{Row, Summary},
        text::{cut, time},
    },
};

/// Maximum number of rows.
const MAX_ROWS: usize = 1_000;
/// Maximum length of a pattern.
const MAX_PATTERN: usize = 300;

pub(super) fn write(html: &mut Html<impl Write>, summary: &Summary) -> io::Result<()> {
    html.markup(
        "<div class=scroll><table class=patterns><thead><tr><th>pattern<th>asked<th>errors<th>unanswered<th>p50\
         <th>p99</thead><tbody>\n",
    )?;
    let rows = summary.rows();
    for (pattern, is_event, row) in rows.iter().take(MAX_ROWS) {
        write_row(html, pattern, *is_event, row)?;
    }
    html.markup("</tbody></table></div>\n")?;
    if let more @ 1.. = rows.len().saturating_sub(MAX_ROWS) {
        html.markup("<p class=note>… and ")?
            .text(&counted(more as u64, "more pattern"))?
            .markup(": <code>nest-wire inspect --summary</code> shows all.</p>\n")?;
    }
    Ok(())
}

fn write_row(html: &mut Html<impl Write>, pattern: &str, is_event: bool, row: &Row) -> io::Result<()> {
    html.markup("<tr><td>")?.text(&cut(pattern, MAX_PATTERN))?;
    html.markup(if is_event {
        " <small>(event)</small><td>"
    } else {
        "<td>"
    })?
    .number(row.asked)?;
    let unanswered = if is_event { 0 } else { row.unanswered() };
    let counts = [("<td class=err>", row.errors), ("<td class=none>", unanswered)];
    for (cell, count) in counts {
        match count {
            0 => html.markup("<td>")?,
            count => html.markup(cell)?.number(count)?,
        };
    }
    for share in [0.5, 0.99] {
        html.markup("<td>")?
            .text(&row.quantile(share).map(time).unwrap_or_default())?;
    }
    html.markup("\n").map(|_| ())
}
