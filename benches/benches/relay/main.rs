//! `nest-wire record` and `nest-wire bridge` beside a proxy that only copies bytes, in turns within
//! one run.
//!
//! ```sh
//! cargo build --release -p nest-wire-cli && cargo bench -p nest-wire-benches --bench relay
//! ```
//!
//! The benchmark compares the CPU time of the proxies' processes for each call, and how much longer
//! a call takes than through the bare proxy.

mod relay;

use std::{
    error::Error,
    path::{Path, PathBuf},
    time::Duration,
};

use clap::Parser;
use nest_wire_benches::{
    comparison::Spread,
    load::{Exchange, Load, Shape, Until},
    peers::{Binaries, Cores, Kind, Server},
};

use relay::Relay;

/// Recording and bridging beside copying
#[derive(Parser)]
struct Args {
    /// Number of turns of each proxy
    #[arg(long, default_value_t = 9)]
    rounds: usize,
    /// The binary of nest-wire
    #[arg(long)]
    nest_wire: Option<PathBuf>,
    /// Added by cargo
    #[arg(long, hide = true)]
    bench: bool,
}

/// The core of the load and the service, and the core of the proxies.
const LOAD: Cores = Cores::Only(0);
const PROXY: Cores = Cores::Only(1);
const TURN: Duration = Duration::from_secs(1);

/// The figures of one turn.
struct Turn {
    /// CPU time of the proxy for each call, in microseconds.
    cpu: f64,
    /// The median latency, in microseconds.
    latency: f64,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let args = Args::parse();
    let nest_wire = args.nest_wire.unwrap_or_else(|| beside("nest-wire"));
    if !nest_wire.is_file() {
        let path = nest_wire.display();
        return Err(format!("there is no {path}: build it with cargo build --release -p nest-wire-cli").into());
    }
    println!("| | in flight | CPU, it / bare | it | bare | median latency, it - bare |");
    println!("| --- | --------: | -------------: | -: | ---: | ------------------------: |");
    for proxy in [Proxy::Record, Proxy::Bridge] {
        for in_flight in [1, 64] {
            row(proxy, &nest_wire, in_flight, args.rounds).await?;
        }
    }
    Ok(())
}

/// The commands that are compared with copying.
#[derive(Debug, Clone, Copy)]
enum Proxy {
    Record,
    Bridge,
}

async fn row(proxy: Proxy, nest_wire: &Path, in_flight: usize, rounds: usize) -> Result<(), Box<dyn Error>> {
    let exchange = Exchange::request("\"sum\"", "[1,2,3]").answered("6");
    let binaries = Binaries {
        ours: env!("CARGO_BIN_EXE_bench-server").into(),
        raw: env!("CARGO_BIN_EXE_raw-server").into(),
    };
    let server = Server::start(Kind::Ours { workers: 1 }, &binaries, &exchange, LOAD).await?;
    let bare = Relay::bare(env!("CARGO_BIN_EXE_bare-proxy").as_ref(), server.address(), PROXY).await?;
    let ours = match proxy {
        Proxy::Record => Relay::record(nest_wire, server.address(), PROXY).await?,
        Proxy::Bridge => Relay::bridge(nest_wire, server.address(), PROXY).await?,
    };
    let shape = Shape {
        connections: 1,
        in_flight,
    };
    let mut loads = [
        Load::connect(bare.address(), shape, &exchange).await?,
        Load::connect(ours.address(), shape, &exchange).await?,
    ];
    let (mut ratios, mut added, mut costs) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rounds {
        let without = turn(&bare, &mut loads[0]).await?;
        let with = turn(&ours, &mut loads[1]).await?;
        ratios.push(with.cpu / without.cpu);
        added.push(with.latency - without.latency);
        costs.push((with.cpu, without.cpu));
    }
    let spread = |values: Vec<f64>| Spread::of(values.into_iter()).expect("a round");
    let (ratio, added) = (spread(ratios), spread(added));
    let (with, without) = costs.into_iter().unzip();
    println!(
        "| {proxy:?} | {in_flight} | {:.2} ({:.2} to {:.2}) | {:.1} us | {:.1} us | {:.1} us ({:.1} to {:.1}) |",
        ratio.median,
        ratio.least,
        ratio.most,
        spread(with).median,
        spread(without).median,
        added.median,
        added.least,
        added.most,
    );
    Ok(())
}

async fn turn(relay: &Relay, load: &mut Load) -> Result<Turn, Box<dyn Error>> {
    let before = relay.cpu()?;
    let report = load.run(Until::For(TURN)).await?;
    let cpu = relay.cpu()? - before;
    Ok(Turn {
        cpu: cpu.as_secs_f64() * 1e6 / report.exchanges as f64,
        latency: report.latency(0.5).as_secs_f64() * 1e6,
    })
}

/// Returns a binary that cargo put beside this package's own.
fn beside(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_bench-server")).with_file_name(name)
}
