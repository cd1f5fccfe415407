//! `nest-wire record`, `bridge` and `shadow` beside a proxy that only copies bytes, in turns within
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
    peers::{Binaries, Cores, Driven, Kind, Server},
};
use nest_wire_harness::{App, Harness};

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
/// Number of calls in a turn of Nest's client.
const NEST_CALLS: u64 = 20_000;

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
    Harness::find()?.install(&[12], |_| ()).await?;
    println!("| | calls in flight | CPU, it / bare | it | bare | median latency, it - bare |");
    println!("| --- | --------: | -------------: | -: | ---: | ------------------------: |");
    for proxy in [Proxy::Record, Proxy::Bridge, Proxy::Shadow] {
        for in_flight in [1, 64] {
            let pair = Pair::start(proxy, &nest_wire).await?;
            row(proxy, &pair, in_flight, args.rounds).await?;
            row_of_nest(proxy, &pair, in_flight, args.rounds).await?;
        }
    }
    Ok(())
}

/// The commands that are compared with copying.
#[derive(Debug, Clone, Copy)]
enum Proxy {
    Record,
    Bridge,
    Shadow,
}

/// A command beside the bare proxy, in front of one service.
struct Pair {
    _server: Server,
    bare: Relay,
    ours: Relay,
    exchange: Exchange,
}

impl Pair {
    async fn start(proxy: Proxy, nest_wire: &Path) -> Result<Self, Box<dyn Error>> {
        let exchange = Exchange::request("\"sum\"", "[1,2,3]").answered("6");
        let binaries = Binaries {
            ours: env!("CARGO_BIN_EXE_bench-server").into(),
            raw: env!("CARGO_BIN_EXE_raw-server").into(),
        };
        let server = Server::start(Kind::Ours { workers: 1 }, &binaries, &exchange, LOAD).await?;
        let ours = match proxy {
            Proxy::Record => Relay::record(nest_wire, server.address(), PROXY).await?,
            Proxy::Bridge => Relay::bridge(nest_wire, server.address(), PROXY).await?,
            Proxy::Shadow => Relay::shadow(nest_wire, server.address(), PROXY).await?,
        };
        Ok(Self {
            bare: Relay::bare(env!("CARGO_BIN_EXE_bare-proxy").as_ref(), server.address(), PROXY).await?,
            ours,
            exchange,
            _server: server,
        })
    }
}

/// Calls of a generator that writes all that it may at once.
async fn row(proxy: Proxy, pair: &Pair, in_flight: usize, rounds: usize) -> Result<(), Box<dyn Error>> {
    let Pair {
        bare, ours, exchange, ..
    } = pair;
    let shape = Shape {
        connections: 1,
        in_flight,
    };
    let mut loads = [
        Load::connect(bare.address(), shape, exchange).await?,
        Load::connect(ours.address(), shape, exchange).await?,
    ];
    let (mut costs, mut added) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        let without = turn(bare, &mut loads[0]).await?;
        let with = turn(ours, &mut loads[1]).await?;
        costs.push((with.cpu, without.cpu));
        added.push(with.latency - without.latency);
    }
    let Spread { median, least, most } = Spread::of(added.into_iter()).expect("a round");
    let added = format!("{median:.1} us ({least:.1} to {most:.1})");
    print(proxy, &in_flight.to_string(), costs, &added);
    Ok(())
}

/// Calls of Nest's own client, which writes each of them by itself.
async fn row_of_nest(proxy: Proxy, pair: &Pair, in_flight: usize, rounds: usize) -> Result<(), Box<dyn Error>> {
    let mut callers = Vec::new();
    for relay in [&pair.bare, &pair.ours] {
        let mut command = Harness::find()?.node(App::BenchClient, 12);
        let address = relay.address();
        command.args([
            "--host",
            &address.ip().to_string(),
            "--port",
            &address.port().to_string(),
        ]);
        command.args(["--in-flight", &in_flight.to_string()]);
        callers.push(Driven::start(command, LOAD)?);
    }
    let mut costs = Vec::new();
    for round in 0..=rounds {
        let mut both = Vec::new();
        for (relay, caller) in [&pair.bare, &pair.ours].into_iter().zip(&mut callers) {
            let before = relay.cpu()?;
            caller.calls(NEST_CALLS).await?;
            both.push((relay.cpu()? - before).as_secs_f64() * 1e6 / NEST_CALLS as f64);
        }
        // The first round warms Node up.
        if round > 0 {
            costs.push((both[1], both[0]));
        }
    }
    print(proxy, &format!("{in_flight}, of Nest's client"), costs, "");
    Ok(())
}

fn print(proxy: Proxy, load: &str, costs: Vec<(f64, f64)>, added: &str) {
    let spread = |values: Vec<f64>| Spread::of(values.into_iter()).expect("a round");
    let Spread { median, least, most } = spread(costs.iter().map(|(with, without)| with / without).collect());
    let (with, without) = costs.into_iter().unzip();
    println!(
        "| {proxy:?} | {load} | {median:.2} ({least:.2} to {most:.2}) | {:.1} us | {:.1} us | {added} |",
        spread(with).median,
        spread(without).median,
    );
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
