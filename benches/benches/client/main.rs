//! Nest's client and ours, in turns within one run, against the same server.
//!
//! ```sh
//! cargo bench -p nest-wire-benches --bench client
//! ```
//!
//! The benchmark compares the CPU time of the client's process for each call.

mod contest;

use std::{error::Error, time::Duration};

use clap::Parser;
use nest_wire_benches::{
    comparison::{Outcome, Target, Unit, table},
    peers::Binaries,
};
use nest_wire_harness::Harness;

use contest::{Contest, Kind};

/// Nest's client and ours
#[derive(Parser)]
struct Args {
    /// Number of turns of each client
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Measure two short rounds, and one Nest process instead of the best of three
    #[arg(long)]
    quick: bool,
    /// Added by cargo
    #[arg(long, hide = true)]
    bench: bool,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let args = Args::parse();
    Harness::find()?.install(&[12], |_| ()).await?;
    let (rounds, slice, candidates) = match args.quick {
        true => (2, Duration::from_millis(400), 1),
        false => (args.rounds, Duration::from_secs(1), 3),
    };
    let rows = [
        (Kind::Calls, 1, Some(1.6)),
        (Kind::Calls, 64, Some(8.0)),
        (Kind::Calls, 1000, Some(20.0)),
        (Kind::Events, 64, Some(20.0)),
        (Kind::Events, 1000, Some(20.0)),
    ];
    table::print_head();
    for (kind, in_flight, nest) in rows {
        let contest = Contest {
            kind,
            in_flight,
            slice,
            candidates,
            binaries: binaries(),
            client: env!("CARGO_BIN_EXE_bench-client").into(),
        };
        let measured = contest.hold(rounds).await?;
        let target = Target { nest, raw: None };
        table::print(&Outcome::of(&contest.name(), Unit::Nanoseconds, target, &measured));
    }
    Ok(())
}

fn binaries() -> Binaries {
    Binaries {
        ours: env!("CARGO_BIN_EXE_bench-server").into(),
        raw: env!("CARGO_BIN_EXE_raw-server").into(),
    }
}
