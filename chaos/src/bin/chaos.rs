//! Runs chaos scenarios for some minutes and reports broken promises.
//!
//!     cargo run -p nest-wire-chaos --bin chaos -- --seed 7 --minutes 10 [--only cuts] [--major 12]

use std::{
    error::Error,
    process::ExitCode,
    time::{Duration, Instant},
};

use clap::{Parser, Subcommand};
use fastrand::Rng;
use nest_wire_chaos::{
    scenarios::{ALL, Pairing, Scenario, Setting, report},
    serving,
};
use nest_wire_harness::Harness;

/// Runs chaos scenarios.
#[derive(Debug, Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// Seed of all random choices; random by default
    #[arg(long)]
    seed: Option<u64>,
    /// Minutes to run
    #[arg(long, default_value_t = 5.0)]
    minutes: f64,
    /// Run only the round with this seed, taken from a report
    #[arg(long)]
    round: Option<u64>,
    /// Run only pairings whose name contains this, for example "nest-wire calls Nest"
    #[arg(long, default_value = "")]
    pairing: String,
    /// Run only scenarios whose name contains this
    #[arg(long, default_value = "")]
    only: String,
    /// Nest's major (7 to 12); all majors in turn by default
    #[arg(long)]
    major: Option<u8>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serves. The scenarios start this command as a process of its own
    Serve(serving::Flags),
}

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
    let harness = Harness::find()?;
    let majors = arguments.major.map_or(Harness::MAJORS.to_vec(), |major| vec![major]);
    harness.install(&majors, |_| {}).await?;
    let seed = arguments.seed.unwrap_or_else(|| fastrand::u64(..1_000_000));
    println!("seed {seed}");
    let mut random = Rng::with_seed(seed);
    let end = Instant::now() + Duration::from_secs_f64(arguments.minutes * 60.0);
    let (mut rounds, mut failures) = (0, 0);
    for (scenario, pairing) in endless(arguments, &majors) {
        let is_over = arguments.round.is_some() && rounds > 0;
        if is_over || Instant::now() > end {
            break;
        }
        let setting = Setting {
            seed: arguments.round.unwrap_or_else(|| random.u64(..1_000_000)),
            pairing,
            program: std::env::current_exe()?,
            harness: harness.clone(),
        };
        let broken = scenario.run(&setting).await?;
        rounds += 1;
        failures += u32::from(!broken.is_empty());
        let verdict = if broken.is_empty() { "kept" } else { "BROKEN" };
        println!("{verdict}: {} ({pairing}), round {}", scenario.name, setting.seed);
        print!("{}", report(&broken));
    }
    println!("{rounds} rounds, {failures} of them broke a promise");
    Ok(ExitCode::from(u8::from(failures > 0)))
}

/// Returns the selected scenarios, pairings and majors in an endless cycle.
fn endless(arguments: &Arguments, majors: &[u8]) -> impl Iterator<Item = (&'static Scenario, Pairing)> {
    let mut all = Vec::new();
    for major in majors {
        for scenario in ALL.iter().filter(|scenario| scenario.name.contains(&arguments.only)) {
            all.extend(scenario.pairings(*major).into_iter().map(|pairing| (scenario, pairing)));
        }
    }
    all.retain(|(_, pairing)| pairing.to_string().contains(&arguments.pairing));
    all.into_iter().cycle()
}
