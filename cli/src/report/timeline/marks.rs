//! What is drawn in a lane: bars and dots with their links, notches, columns.

use std::io::{self, Write};

use super::{
    super::escaped::{Html, Length},
    Bar, Outcome,
    axis::{Axis, LEFT, RIGHT},
    bins::{Bin, Bins},
    drawing::Drawn,
};
use crate::plural::counted;

/// Height of a line of bars.
pub(super) const LINE: f64 = 12.0;
/// Height of a lane of columns.
pub(super) const COLUMNS: f64 = 42.0;
/// Width below which a bar cannot be seen.
const MIN_WIDTH: f64 = 2.0;

impl Drawn<'_> {
    pub(super) fn bars(
        &self,
        html: &mut Html<impl Write>,
        axis: &Axis,
        bars: &[&Bar],
        lines: &[usize],
    ) -> io::Result<()> {
        // What is drawn last lies on top: where bars share a pixel, errors are to be seen.
        for is_fault in [false, true] {
            for (bar, line) in bars.iter().zip(lines) {
                if is_fault == !matches!(bar.outcome, Outcome::Answered | Outcome::Event) {
                    self.bar(html, axis, bar, self.top + *line as f64 * LINE)?;
                }
            }
        }
        self.notches(html, axis, bars, lines)
    }

    fn bar(&self, html: &mut Html<impl Write>, axis: &Axis, bar: &Bar, top: f64) -> io::Result<()> {
        let (left, right) = (axis.x(bar.start), axis.x(bar.end));
        let is_moment = matches!(bar.outcome, Outcome::Event | Outcome::Fault);
        begin_link(html, bar.row)?;
        if is_moment {
            html.markup("<circle class=")?
                .markup(class(bar.outcome))?
                .markup(" cx=")?
                .number(Length(left))?
                .markup(" cy=")?
                .number(Length(top + LINE / 2.0))?
                .markup(" r=3.5>")?;
        } else {
            html.markup("<rect class=")?
                .markup(class(bar.outcome))?
                .markup(" x=")?
                .number(Length(left.min(RIGHT - MIN_WIDTH)))?
                .markup(" y=")?
                .number(Length(top + 1.5))?
                .markup(" width=")?
                .number(Length((right - left).max(MIN_WIDTH)))?
                .markup(" height=9>")?;
        }
        html.markup("<title>")?.text(&words(axis, bar))?.markup("</title>")?;
        html.markup(if is_moment { "</circle>" } else { "</rect>" })?;
        end_link(html, bar.row)
    }

    /// Draws the values of streams, as one path.
    fn notches(&self, html: &mut Html<impl Write>, axis: &Axis, bars: &[&Bar], lines: &[usize]) -> io::Result<()> {
        let notches = bars.iter().zip(lines).flat_map(|(bar, line)| {
            let top = self.top + *line as f64 * LINE;
            bar.values.iter().map(move |at| (axis.x(*at), top + 1.5))
        });
        let mut notches = notches.peekable();
        if notches.peek().is_none() {
            return Ok(());
        }
        html.markup("<path class=notch d=\"")?;
        for (x, y) in notches {
            html.markup("M")?
                .number(Length(x))?
                .markup(" ")?
                .number(Length(y))?
                .markup("v9")?;
        }
        html.markup("\"/>\n").map(|_| ())
    }

    pub(super) fn bins(&self, html: &mut Html<impl Write>, axis: &Axis, bins: &Bins) -> io::Result<()> {
        let most = bins.of(self.number).map(|(_, bin)| bin.total()).max().unwrap_or(1);
        for (start, bin) in bins.of(self.number) {
            let (left, right) = (axis.x(start), axis.x(start.saturating_add(bins.width)));
            let width = (right - left - 0.5).max(MIN_WIDTH);
            begin_link(html, bin.row)?;
            html.markup("<g><title>")?
                .text(&bin_words(axis, start, bin))?
                .markup("</title>")?;
            self.column(html, left.clamp(LEFT, RIGHT - MIN_WIDTH), width, bin, most)?;
            html.markup("</g>")?;
            end_link(html, bin.row)?;
        }
        Ok(())
    }

    /// Draws the counts of a column, one upon the other.
    fn column(&self, html: &mut Html<impl Write>, left: f64, width: f64, bin: &Bin, most: u64) -> io::Result<()> {
        let mut bottom = self.top + self.height;
        for (outcome, count) in bin.counts() {
            // Even one error among thousands of answers is to be seen.
            let height = (f64::from(count) / most as f64 * (COLUMNS - 6.0)).max(1.5);
            bottom -= height;
            html.markup("<rect class=")?
                .markup(class(outcome))?
                .markup(" x=")?
                .number(Length(left))?
                .markup(" y=")?
                .number(Length(bottom))?
                .markup(" width=")?
                .number(Length(width))?
                .markup(" height=")?
                .number(Length(height))?
                .markup(" />")?;
        }
        Ok(())
    }
}

/// Begins the link to a row. Out of the order of the Tab key: thousands of bars would stand before
/// the filter, and each row has its own link.
fn begin_link(html: &mut Html<impl Write>, row: Option<u32>) -> io::Result<()> {
    match row {
        Some(row) => html
            .markup("<a tabindex=-1 href=\"#p")?
            .number(row)?
            .markup("\">")
            .map(|_| ()),
        None => Ok(()),
    }
}

fn end_link(html: &mut Html<impl Write>, row: Option<u32>) -> io::Result<()> {
    html.markup(if row.is_some() { "</a>\n" } else { "\n" }).map(|_| ())
}

fn class(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Answered => "ok",
        Outcome::Error => "err",
        Outcome::Unanswered => "none",
        Outcome::Event => "ev",
        Outcome::Fault => "bad",
    }
}

fn name(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Answered => "answered",
        Outcome::Error => "error",
        Outcome::Unanswered => "never answered",
        Outcome::Event => "event",
        Outcome::Fault => "fault",
    }
}

/// Describes a bar.
fn words(axis: &Axis, bar: &Bar) -> String {
    let (name, at) = (name(bar.outcome), axis.moment(bar.start));
    let values = match bar.values.len() {
        0 => String::new(),
        values => format!(", {} before the last", counted(values as u64, "value")),
    };
    match bar.outcome {
        Outcome::Answered | Outcome::Error => match axis.length(bar.start, bar.end) {
            Some(length) => format!("{name} after {length}{values}, asked at {at}"),
            None => format!("{name}{values}, asked at {at}"),
        },
        Outcome::Unanswered => format!("{name}{values}, asked at {at}"),
        Outcome::Event | Outcome::Fault => format!("{name} at {at}"),
    }
}

/// Describes a column.
fn bin_words(axis: &Axis, start: u64, bin: &Bin) -> String {
    let counts: Vec<String> = bin
        .counts()
        .map(|(outcome, count)| format!("{count} {}", name(outcome)))
        .collect();
    format!("from {}: {}", axis.moment(start), counts.join(", "))
}
