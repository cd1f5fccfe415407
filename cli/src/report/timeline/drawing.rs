//! The timeline as SVG: the axis, the lanes and their names.

use std::io::{self, Write};

use super::{
    super::escaped::{Html, Length},
    Bar, Kept, MAX_BARS, Timeline,
    axis::Axis,
    bins::Bins,
    lanes::{self, Lane},
    marks::{COLUMNS, LINE},
};
use crate::{
    plural::counted,
    traffic::text::{cut, printable, time},
};

/// Maximum number of lanes that are drawn.
const MAX_LANES: usize = 40;
/// Height of the names of ticks.
const TOP: f64 = 24.0;
/// Space between two lanes.
const GAP: f64 = 8.0;
/// Number of columns of text that a lane's name has room for.
const NAME: usize = 26;
/// Maximum length of a lane's full name, which a pointer shows.
const FULL_NAME: usize = 300;

/// What is drawn in a lane.
pub(super) enum Content<'t> {
    Bars { bars: Vec<&'t Bar>, lines: Vec<usize> },
    Bins(&'t Bins),
}

/// A lane, where it is drawn.
pub(super) struct Drawn<'t> {
    lane: &'t Lane,
    pub(super) number: usize,
    content: Content<'t>,
    pub(super) top: f64,
    pub(super) height: f64,
}

impl Timeline {
    /// Writes the drawing.
    pub(in super::super) fn draw(&self, html: &mut Html<impl Write>) -> io::Result<()> {
        let Some(span) = self.span.filter(|_| !self.is_empty()) else {
            return html
                .markup("<p class=note>Nothing that can be drawn.</p>\n")
                .map(|_| ());
        };
        let axis = Axis::new(span, self.has_times);
        let lanes = self.drawn();
        let bottom = lanes.last().map_or(TOP, |lane| lane.top + lane.height + GAP / 2.0);
        html.markup("<div class=scroll><svg viewBox=\"0 0 1200 ")?
            .number(Length(bottom))?
            .markup("\" role=group aria-label=\"Timeline\">\n")?;
        draw_axis(html, &axis, bottom)?;
        for lane in &lanes {
            lane.draw(html, &axis)?;
        }
        html.markup("</svg></div>\n")?;
        self.notes(html, lanes.len())
    }

    fn is_empty(&self) -> bool {
        self.lanes.by_count().is_empty()
    }

    /// Returns the lanes from top to bottom.
    fn drawn(&self) -> Vec<Drawn<'_>> {
        let mut top = TOP;
        let lanes = self.lanes.by_count().into_iter().take(MAX_LANES);
        let mut by_lane = self.bars_by_lane();
        lanes
            .map(|(number, lane)| {
                let (content, height) = match &self.kept {
                    Kept::Bins(bins) => (Content::Bins(bins), COLUMNS),
                    Kept::Bars(_) => {
                        let bars = by_lane.get_mut(number).map(std::mem::take).unwrap_or_default();
                        let (lines, count) = lanes::lines(&bars);
                        (Content::Bars { bars, lines }, count as f64 * LINE)
                    }
                };
                let drawn = Drawn {
                    lane,
                    number,
                    content,
                    top,
                    height,
                };
                top += height + GAP;
                drawn
            })
            .collect()
    }

    fn bars_by_lane(&self) -> Vec<Vec<&Bar>> {
        let mut lanes: Vec<Vec<&Bar>> = Vec::new();
        if let Kept::Bars(bars) = &self.kept {
            for bar in bars {
                if lanes.len() <= bar.lane {
                    lanes.resize(bar.lane + 1, Vec::new());
                }
                lanes[bar.lane].push(bar);
            }
        }
        lanes.iter_mut().for_each(|bars| bars.sort_by_key(|bar| bar.start));
        lanes
    }

    /// Writes what the drawing leaves out.
    fn notes(&self, html: &mut Html<impl Write>, drawn: usize) -> io::Result<()> {
        if let Kept::Bins(bins) = &self.kept {
            let column = match self.has_times {
                true => time(std::time::Duration::from_micros(bins.width)),
                false => counted(bins.width, "packet"),
            };
            html.markup("<p class=note>More than ")?
                .text(&counted(MAX_BARS as u64, "call"))?
                .markup(": each column counts those that began within ")?
                .text(&column)?
                .markup(".</p>\n")?;
        }
        let others = self.lanes.by_count().len() - drawn;
        if others > 0 {
            html.markup("<p class=note>… and ")?
                .text(&counted(others as u64, "more pattern"))?
                .markup(" with fewer calls.</p>\n")?;
        }
        Ok(())
    }
}

fn draw_axis(html: &mut Html<impl Write>, axis: &Axis, bottom: f64) -> io::Result<()> {
    for (x, name) in axis.ticks() {
        html.markup("<path class=tick d=\"M")?
            .number(Length(x.0))?
            .markup(" 18V")?
            .number(Length(bottom))?
            .markup("\"/><text class=t x=")?
            .number(x)?
            .markup(" y=12>")?
            .text(&name)?
            .markup("</text>\n")?;
    }
    Ok(())
}

impl Drawn<'_> {
    fn draw(&self, html: &mut Html<impl Write>, axis: &Axis) -> io::Result<()> {
        let middle = self.top + self.height / 2.0;
        html.markup("<g class=lane><path class=edge d=\"M0 ")?
            .number(Length(self.top + self.height + GAP / 2.0))?
            .markup("H1200\"/><text y=")?
            .number(Length(middle + 4.0))?
            .markup("><title>")?
            .text(&cut(&printable(&self.lane.name), FULL_NAME))?
            .markup("</title>")?
            .text(&cut(&printable(&self.lane.name), NAME))?
            .markup("</text>\n")?;
        match &self.content {
            Content::Bars { bars, lines } => self.bars(html, axis, bars, lines)?,
            Content::Bins(bins) => self.bins(html, axis, bins)?,
        }
        html.markup("</g>\n").map(|_| ())
    }
}
