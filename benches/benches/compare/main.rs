//! nest-wire, real Nest and bare tokio, in turns within one run. The results are ratios.
//!
//! ```sh
//! cargo bench -p nest-wire-benches --bench compare
//! cargo bench -p nest-wire-benches --bench compare -- --quick '1 x 64' CJK
//! ```

mod both_cores;
mod idle;
mod row;
mod rows;
mod steady;

use std::{error::Error, fs, path::PathBuf, process::ExitCode, time::Duration};

use clap::Parser;
use nest_wire_benches::{
    comparison::{Outcome, table},
    descriptors,
    peers::Binaries,
};
use nest_wire_harness::Harness;

use row::{Procedure, Row};

/// nest-wire, real Nest and bare tokio, side by side
#[derive(Parser)]
struct Args {
    /// Measure only rows whose name contains one of these
    rows: Vec<String>,
    /// Number of turns of each contender
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Measure two short rounds, and one Nest process instead of the best of three, to see that
    /// everything works
    #[arg(long)]
    quick: bool,
    /// List the rows without measuring
    #[arg(long)]
    list: bool,
    /// Also write the results to this file, as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Added by cargo
    #[arg(long, hide = true)]
    bench: bool,
}

/// The effort of a measurement.
struct Effort {
    rounds: usize,
    /// Length of Nest's turn. The others take half of it.
    slice: Duration,
    /// Number of Nest processes, of which the best is measured.
    candidates: usize,
}

impl Effort {
    fn of(args: &Args) -> Self {
        if args.quick {
            return Self {
                rounds: 2,
                slice: Duration::from_millis(400),
                candidates: 1,
            };
        }
        Self {
            rounds: args.rounds,
            slice: Duration::from_secs(1),
            candidates: 3,
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let args = Args::parse();
    let rows = rows::all();
    let is_wanted = |row: &Row| args.rows.is_empty() || args.rows.iter().any(|name| row.name.contains(name.as_str()));
    let rows: Vec<Row> = rows.into_iter().filter(is_wanted).collect();
    if args.list {
        rows.iter().for_each(|row| println!("{}", row.name));
        return ExitCode::SUCCESS;
    }
    match measure_all(&rows, &args).await {
        Ok(outcomes) => write_json(&outcomes, &args),
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Measures the rows one by one. If a row fails, the failure is printed and the others are still
/// measured.
async fn measure_all(rows: &[Row], args: &Args) -> Result<Vec<Outcome>, Box<dyn Error>> {
    descriptors::allow_all();
    Harness::find()?.install(&[12], |_| ()).await?;
    let binaries = Binaries {
        ours: env!("CARGO_BIN_EXE_bench-server").into(),
        raw: env!("CARGO_BIN_EXE_raw-server").into(),
    };
    let effort = Effort::of(args);
    let mut outcomes = Vec::new();
    table::print_head();
    for row in rows {
        let measured = match &row.procedure {
            Procedure::Steady(steady) => steady::measure(steady, &binaries, &effort).await,
            Procedure::Idle(idle) => idle::measure(*idle, &binaries, &effort).await,
            Procedure::BothCores => both_cores::measure(&binaries, &effort).await,
        };
        match measured {
            Ok(rounds) => {
                let outcome = Outcome::of(&row.name, row.procedure.unit(), row.target, &rounds);
                table::print(&outcome);
                outcomes.push(outcome);
            }
            Err(error) => table::print_failure(&row.name, &*error),
        }
    }
    if outcomes.len() < rows.len() {
        return Err("some rows failed".into());
    }
    Ok(outcomes)
}

fn write_json(outcomes: &[Outcome], args: &Args) -> ExitCode {
    let Some(path) = &args.json else {
        return ExitCode::SUCCESS;
    };
    let text = serde_json::to_string_pretty(outcomes).expect("numbers and text");
    match fs::write(path, text + "\n") {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}: {error}", path.display());
            ExitCode::FAILURE
        }
    }
}
