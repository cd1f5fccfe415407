//! The page of results of `nest-wire bench`: their figures side by side, their histograms over one
//! another on one axis.

use std::{
    io::{self, Write},
    path::Path,
    time::Duration,
};

use super::{
    escaped::{Html, Length},
    page::{HEAD, STYLE},
};
use crate::{
    bench::{Latencies, Outcome, units},
    traffic::text::cut,
};

/// Maximum length of the name of a result.
const MAX_NAME: usize = 40;
/// Width of a drawing, and where its histograms begin.
const WIDTH: f64 = 1200.0;
const LEFT: f64 = 190.0;
/// Height of the names of ticks, of a histogram, and of the space above it.
const TOP: f64 = 24.0;
const HEIGHT: f64 = 80.0;
const GAP: f64 = 14.0;

/// A result and its name.
pub(super) struct Load {
    pub(super) name: String,
    pub(super) outcome: Outcome,
}

impl Load {
    /// Names a result after its file.
    pub(super) fn new(path: &Path, outcome: Outcome) -> Self {
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        Self {
            name: cut(&name, MAX_NAME),
            outcome,
        }
    }
}

/// Writes the whole page.
pub(super) fn write(html: &mut Html<impl Write>, title: &str, loads: &[Load]) -> io::Result<()> {
    html.markup(HEAD)?.text(title)?.markup(STYLE)?;
    html.markup("</head>\n<body>\n<h1>")?.text(title)?.markup("</h1>\n")?;
    for load in loads {
        let Outcome {
            tool,
            address,
            calls_of,
            ..
        } = &load.outcome;
        let about = format!(
            "{}: {tool} -> {address}, {calls_of}, {}",
            load.name,
            load.outcome.load()
        );
        html.markup("<p class=about>")?.text(&about)?.markup("</p>\n")?;
    }
    html.markup("<h2>Figures</h2>\n")?;
    write_table(html, loads)?;
    html.markup("<h2>Latency</h2>\n")?;
    draw(html, loads)?;
    html.markup("</body></html>\n")?.flush()
}

/// Returns the text of a cell.
type Cell = fn(&Outcome) -> String;

fn write_table(html: &mut Html<impl Write>, loads: &[Load]) -> io::Result<()> {
    html.markup("<div class=scroll><table class=patterns><thead><tr><th>")?;
    for load in loads {
        html.markup("<th>")?.text(&load.name)?;
    }
    html.markup("</thead><tbody>\n")?;
    let rows: [(&str, Cell); 4] = [
        ("answered", |outcome| units::grouped(outcome.calls)),
        ("per second", |outcome| {
            units::grouped(outcome.calls_per_second.round() as u64)
        }),
        ("errors", |outcome| units::grouped(outcome.failures())),
        ("own CPU", |outcome| {
            outcome.own_cpu.map(units::percent).unwrap_or_default()
        }),
    ];
    for (name, cell) in rows {
        write_row(html, name, loads.iter().map(|load| cell(&load.outcome)))?;
    }
    for (index, name) in crate::bench::LATENCIES.iter().enumerate() {
        let cell = |latency: &Latencies| shown(latency.named()[index]);
        let cells = loads
            .iter()
            .map(|load| load.outcome.latency.as_ref().map(cell).unwrap_or_default());
        write_row(html, name, cells)?;
    }
    html.markup("</tbody></table></div>\n").map(|_| ())
}

fn write_row(html: &mut Html<impl Write>, name: &str, cells: impl Iterator<Item = String>) -> io::Result<()> {
    html.markup("<tr><td>")?.text(name)?;
    for cell in cells {
        html.markup("<td>")?.text(&cell)?;
    }
    html.markup("\n").map(|_| ())
}

/// The axis of latencies, on which each doubling has the same width.
struct Axis {
    /// The logarithms of the first and the last bound.
    from: f64,
    to: f64,
}

impl Axis {
    /// Returns the axis of all latencies, or `None` if there are none. Results are files that
    /// anybody may have written: what is no latency is passed over.
    fn of(loads: &[Load]) -> Option<Self> {
        let bounds = loads.iter().flat_map(parts).map(|(bound, _)| bound.log2());
        let (from, to) = bounds.fold((f64::INFINITY, f64::NEG_INFINITY), |(from, to), bound| {
            (from.min(bound), to.max(bound))
        });
        // From the doubling below, so that the first bar has a width.
        (from <= to).then(|| Self {
            from: (from - 0.2).floor(),
            to: to.ceil(),
        })
    }

    fn x(&self, bound: f64) -> f64 {
        let share = (bound.log2() - self.from) / (self.to - self.from);
        LEFT + share.clamp(0.0, 1.0) * (WIDTH - LEFT - 20.0)
    }
}

/// Returns the parts of the histogram that can be drawn.
fn parts(load: &Load) -> impl Iterator<Item = (f64, u64)> {
    let histogram = load.outcome.latency.iter().flat_map(|latency| &latency.histogram);
    histogram.copied().filter(|(bound, _)| (1e-9..1e6).contains(bound))
}

fn draw(html: &mut Html<impl Write>, loads: &[Load]) -> io::Result<()> {
    let Some(axis) = Axis::of(loads) else {
        return html.markup("<p class=note>No call went well.</p>\n").map(|_| ());
    };
    let bottom = TOP + loads.len() as f64 * (HEIGHT + GAP);
    html.markup("<div class=scroll><svg viewBox=\"0 0 1200 ")?
        .number(Length(bottom))?
        .markup("\" role=img aria-label=\"Histograms of the latencies\">\n")?;
    for exponent in axis.from as i32..=axis.to as i32 {
        let x = Length(axis.x(2_f64.powi(exponent)));
        html.markup("<path class=tick d=\"M")?.number(x)?.markup(" 20V")?;
        html.number(Length(bottom))?.markup("\" /><text class=t y=14 x=")?;
        let label = shown(2_f64.powi(exponent));
        html.number(x)?.markup(">")?.text(&label)?.markup("</text>\n")?;
    }
    for (index, load) in loads.iter().enumerate() {
        let floor = TOP + (index + 1) as f64 * (HEIGHT + GAP) - 2.0;
        draw_histogram(html, &axis, load, floor)?;
    }
    html.markup("</svg></div>\n<p class=note>Each bar stands for the calls of an eighth of a doubling, as a share of the largest.</p>\n")
        .map(|_| ())
}

fn draw_histogram(html: &mut Html<impl Write>, axis: &Axis, load: &Load, floor: f64) -> io::Result<()> {
    html.markup("<text x=0 y=")?.number(Length(floor - HEIGHT / 2.0))?;
    html.markup(">")?.text(&cut(&load.name, 24))?.markup("</text>")?;
    let most = parts(load).map(|(_, count)| count).max().unwrap_or_default().max(1);
    for (bound, count) in parts(load) {
        let right = axis.x(bound);
        let width = (right - axis.x(bound / 2_f64.powf(1.0 / 8.0))).max(1.0);
        // What was seen at all is seen here.
        let height = (count as f64 / most as f64 * HEIGHT).max(1.0);
        html.markup("<rect class=ok x=")?.number(Length(right - width))?;
        html.markup(" y=")?.number(Length(floor - height))?;
        html.markup(" width=")?.number(Length(width))?;
        html.markup(" height=")?.number(Length(height))?.markup(" />")?;
    }
    html.markup("\n").map(|_| ())
}

fn shown(seconds: f64) -> String {
    // A result may have been written by hand.
    units::time(Duration::try_from_secs_f64(seconds).unwrap_or_default())
}
