//! Runs the soak and reports whether memory and descriptors stayed flat.
//!
//!     cargo run --release -p nest-wire-chaos --bin soak -- --requests 100000000 [--chart docs/charts/soak.svg]
//!     cargo run --release -p nest-wire-chaos --bin soak -- --seconds 120

use std::{error::Error, path::PathBuf, process::ExitCode, time::Duration};

use clap::{Parser, Subcommand};
use nest_wire_chaos::{
    serving,
    soak::{self, Plan},
};

/// Makes calls for a long time, checks every reply, and watches memory and descriptors
#[derive(Debug, Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// Number of requests after which to end
    #[arg(long)]
    requests: Option<u64>,
    /// Number of seconds after which to end
    #[arg(long)]
    seconds: Option<u64>,
    /// Seed of all random choices
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// File for the table of samples
    #[arg(long, default_value = "target/soak.csv")]
    csv: PathBuf,
    /// File for the chart (SVG), if one is wanted
    #[arg(long)]
    chart: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serves. The soak starts this command as a process of its own
    Serve(serving::Flags),
}

/// Default length of a run.
const SECONDS: u64 = 60;

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let arguments = Arguments::parse();
    if let Some(Command::Serve(flags)) = &arguments.command {
        serving::run(flags)?;
        return Ok(ExitCode::SUCCESS);
    }
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(run(&arguments))
}

async fn run(arguments: &Arguments) -> Result<ExitCode, Box<dyn Error>> {
    let seconds = match (arguments.seconds, arguments.requests) {
        (Some(seconds), _) => seconds,
        (None, Some(_)) => u64::from(u32::MAX),
        (None, None) => SECONDS,
    };
    let plan = Plan {
        requests: arguments.requests.unwrap_or(u64::MAX),
        time: Duration::from_secs(seconds),
        seed: arguments.seed,
        program: std::env::current_exe()?,
    };
    let findings = soak::run(&plan).await?;
    if let Some(folder) = arguments.csv.parent() {
        std::fs::create_dir_all(folder)?;
    }
    soak::write_csv(&arguments.csv, &findings.samples)?;
    if let Some(chart) = &arguments.chart {
        soak::draw(chart, &findings.samples)?;
    }
    let rate = findings.done as f64 / findings.took.as_secs_f64();
    println!("{} requests in {:?}, {rate:.0} a second", findings.done, findings.took);
    for fault in findings.faults.iter().take(10) {
        println!("FAULT: {fault}");
    }
    Ok(ExitCode::from(u8::from(!findings.faults.is_empty())))
}
