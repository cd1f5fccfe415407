//! Two lines on logarithmic axes.

use std::{error::Error, path::Path};

use plotters::prelude::*;

use super::Series;

const SIZE: (u32, u32) = (640, 360);
const OURS: RGBColor = RGBColor(222, 86, 40);
const NEST: RGBColor = RGBColor(110, 110, 120);

/// Writes the chart. The lines are ours and Nest's, each a list of (amount of work, throughput of a
/// core).
pub(crate) fn draw(path: &Path, series: Series, lines: &[Vec<(f64, f64)>; 2]) -> Result<(), Box<dyn Error>> {
    let points = || lines.iter().flatten();
    let furthest = points().map(|point| point.0).fold(1.0, f64::max);
    let nearest = points().map(|point| point.0).fold(furthest, f64::min);
    let highest = points().map(|point| point.1).fold(0.0, f64::max);
    let lowest = points().map(|point| point.1).fold(highest, f64::min);
    let root = SVGBackend::new(path, SIZE).into_drawing_area();
    root.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&root)
        .margin(12)
        .margin_right(40)
        .x_label_area_size(40)
        .y_label_area_size(90)
        .build_cartesian_2d(
            (nearest..furthest).log_scale(),
            // Whole powers of ten, for their labels, with room for the legend below the lines.
            (power_of_ten(lowest / 3.0, f64::floor)..power_of_ten(highest, f64::ceil)).log_scale(),
        )?;
    chart
        .configure_mesh()
        .x_desc(series.title())
        .y_desc(format!("{} per second of a core", series.what()))
        .x_label_formatter(&|x| grouped(*x))
        .y_label_formatter(&|y| grouped(*y))
        .light_line_style(WHITE)
        .draw()?;
    for (line, name, colour) in [(&lines[0], "nest-wire", OURS), (&lines[1], "Nest 12", NEST)] {
        let drawn = LineSeries::new(line.iter().copied(), colour.stroke_width(2)).point_size(3);
        chart
            .draw_series(drawn)?
            .label(name)
            .legend(move |(x, y)| PathElement::new(vec![(x, y), (x + 16, y)], colour.stroke_width(2)));
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::LowerRight)
        .border_style(BLACK.mix(0.2))
        .background_style(WHITE)
        .draw()?;
    root.present()?;
    Ok(())
}

fn power_of_ten(number: f64, round: fn(f64) -> f64) -> f64 {
    10_f64.powf(round(number.log10()))
}

/// Formats a number as `12,000`; fractions stay as they are.
fn grouped(number: f64) -> String {
    if number < 1000.0 {
        return format!("{number}");
    }
    let digits = format!("{number:.0}");
    let groups: Vec<&str> = digits
        .as_bytes()
        .rchunks(3)
        .rev()
        .map(|group| std::str::from_utf8(group).unwrap_or_default())
        .collect();
    groups.join(",")
}
