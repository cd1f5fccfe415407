//! Throughput of a core as the work grows: against connections, calls in flight, routes and
//! payload.
//!
//! ```sh
//! cargo bench -p nest-wire-benches --bench scaling    # writes docs/charts/*.svg
//! ```

mod chart;
mod series;

use std::{error::Error, path::PathBuf, time::Duration};

use clap::Parser;
use nest_wire_benches::{
    descriptors,
    peers::{Binaries, Kind},
};
use nest_wire_harness::Harness;

use series::{Point, Series};

/// Draw charts of a core's throughput
#[derive(Parser)]
struct Args {
    /// Folder for the charts
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/charts"))]
    folder: PathBuf,
    /// Duration of the measurement of each point, in milliseconds
    #[arg(long, default_value_t = 500)]
    slice: u64,
    /// Added by cargo
    #[arg(long, hide = true)]
    bench: bool,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let args = Args::parse();
    descriptors::allow_all();
    Harness::find()?.install(&[12], |_| ()).await?;
    let binaries = Binaries {
        ours: env!("CARGO_BIN_EXE_bench-server").into(),
        raw: env!("CARGO_BIN_EXE_raw-server").into(),
    };
    std::fs::create_dir_all(&args.folder)?;
    for series in Series::ALL {
        println!(
            "{}: {} a core serves in a second, ours and Nest's",
            series.title(),
            series.what()
        );
        let mut lines: [Vec<(f64, f64)>; 2] = Default::default();
        for x in series.points() {
            let point = Point::of(series, x);
            for (line, kind) in lines.iter_mut().zip([Kind::Ours { workers: 1 }, Kind::Nest]) {
                let rate = point
                    .measure(kind, &binaries, Duration::from_millis(args.slice))
                    .await?;
                line.push((x as f64, rate));
            }
            let [ours, nest] = [0, 1].map(|line: usize| lines[line].last().map_or(0.0, |&(_, rate)| rate));
            println!("{x:>10} {ours:>12.0} {nest:>12.0}");
        }
        chart::draw(&args.folder.join(series.file()), series, &lines)?;
    }
    Ok(())
}
