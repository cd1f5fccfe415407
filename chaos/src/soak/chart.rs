//! A chart of memory and descriptors over the number of requests.

use std::{error::Error, path::Path};

use plotters::prelude::*;

use super::Sample;

const SIZE: (u32, u32) = (720, 400);
const SERVICE: RGBColor = RGBColor(222, 86, 40);
const CLIENTS: RGBColor = RGBColor(60, 110, 170);

/// Draws the chart as SVG: memory on the left axis, descriptors (dotted) on the right one.
///
/// # Errors
/// Fails if the file cannot be written.
pub fn draw(path: &Path, samples: &[Sample]) -> Result<(), Box<dyn Error>> {
    let millions = |sample: &Sample| sample.done as f64 / 1e6;
    let end = samples.last().map_or(1.0, millions).max(f64::MIN_POSITIVE);
    let memory = samples
        .iter()
        .map(|sample| sample.service_memory.max(sample.client_memory));
    let most = memory.max().unwrap_or(1) as f64 / 1e6 * 1.5;
    let descriptors = samples
        .iter()
        .map(|sample| sample.service_descriptors.max(sample.client_descriptors));
    let most_descriptors = descriptors.max().unwrap_or(1) as f64 * 1.5;
    let root = SVGBackend::new(path, SIZE).into_drawing_area();
    root.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&root)
        .margin(12)
        .x_label_area_size(40)
        .y_label_area_size(60)
        .right_y_label_area_size(60)
        .build_cartesian_2d(0.0..end, 0.0..most)?
        .set_secondary_coord(0.0..end, 0.0..most_descriptors);
    chart
        .configure_mesh()
        .x_desc("requests, in millions")
        .y_desc("memory (RSS) in MB")
        .light_line_style(WHITE)
        .draw()?;
    chart.configure_secondary_axes().y_desc("open descriptors").draw()?;
    for (name, colour, memory, descriptors) in lines() {
        let points = samples.iter().map(|sample| (millions(sample), memory(sample)));
        chart
            .draw_series(LineSeries::new(points, colour.stroke_width(2)))?
            .label(format!("{name}: memory"))
            .legend(move |(x, y)| PathElement::new(vec![(x, y), (x + 16, y)], colour.stroke_width(2)));
        let points = samples
            .iter()
            .map(|sample| Circle::new((millions(sample), descriptors(sample)), 1, colour));
        chart
            .draw_secondary_series(points)?
            .label(format!("{name}: descriptors"))
            .legend(move |(x, y)| Circle::new((x + 8, y), 2, colour));
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperRight)
        .border_style(BLACK.mix(0.2))
        .background_style(WHITE)
        .draw()?;
    root.present()?;
    Ok(())
}

type Line = (&'static str, RGBColor, fn(&Sample) -> f64, fn(&Sample) -> f64);

fn lines() -> [Line; 2] {
    [
        (
            "service",
            SERVICE,
            |sample| sample.service_memory as f64 / 1e6,
            |sample| sample.service_descriptors as f64,
        ),
        (
            "clients",
            CLIENTS,
            |sample| sample.client_memory as f64 / 1e6,
            |sample| sample.client_descriptors as f64,
        ),
    ]
}
