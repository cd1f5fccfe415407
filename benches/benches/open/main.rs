//! Latency of real Nest and ours at the same rates, in an open loop: as callers feel it.
//!
//! ```sh
//! cargo bench -p nest-wire-benches --bench open
//! ```
//!
//! The rates are a quarter, a half and three quarters of what Nest can do on its core, which a
//! closed loop measures first. Calls begin when they are due, and their latency counts from then.
//! Both services run all the time, on the same core; in each round they have a turn each.

use std::{error::Error, time::Duration};

use clap::Parser;
use nest_wire::{Compat, packet::RawJson};
use nest_wire_benches::{
    comparison::Spread,
    descriptors,
    load::{Exchange, Load, Shape, Until},
    peers::{Binaries, Cores, Kind, Pinned, Server},
};
use nest_wire_harness::Harness;
use nest_wire_load::calls::{self, Call, Calls, Pace, Plan, Timers};
use tokio::net::TcpStream;

/// Latencies in an open loop
#[derive(Parser)]
struct Args {
    /// Number of turns of each service at each rate
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Duration of a turn, in seconds
    #[arg(long, default_value_t = 4)]
    turn: u64,
    /// Added by cargo
    #[arg(long, hide = true)]
    bench: bool,
}

/// The core of the services, and the core of the generator.
const SERVICES: Cores = Cores::Only(0);
const GENERATOR: Cores = Cores::Only(1);
const CONNECTIONS: usize = 16;
const QUANTILES: [f64; 3] = [0.5, 0.99, 0.999];

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let args = Args::parse();
    descriptors::allow_all();
    Harness::find()?.install(&[12], |_| ()).await?;
    let binaries = Binaries {
        ours: env!("CARGO_BIN_EXE_bench-server").into(),
        raw: env!("CARGO_BIN_EXE_raw-server").into(),
    };
    let exchange = Exchange::request("\"sum\"", "[1,2,3]").answered("6");
    let nest = Server::start(Kind::Nest, &binaries, &exchange, SERVICES).await?;
    let ours = Server::start(Kind::Ours { workers: 1 }, &binaries, &exchange, SERVICES).await?;
    let _pinned = Pinned::to(GENERATOR);
    for server in [&ours, &nest] {
        capacity(server, &exchange).await?;
    }
    let capacity = capacity(&nest, &exchange).await?;
    println!("Nest answers {capacity:.0} calls per second on this core.\n");
    println!("| calls per second | service | p50 | p99 | p99.9 |");
    println!("| --- | --- | ---: | ---: | ---: |");
    for (share, name) in [(0.25, "a quarter"), (0.5, "a half"), (0.75, "three quarters")] {
        at_rate(&args, capacity * share, name, &nest, &ours).await?;
    }
    Ok(())
}

/// Returns the number of calls per second that a service answers in a closed loop.
async fn capacity(server: &Server, exchange: &Exchange) -> Result<f64, Box<dyn Error>> {
    let shape = Shape {
        connections: CONNECTIONS,
        in_flight: 4,
    };
    let mut load = Load::connect(server.address(), shape, exchange).await?;
    Ok(load.run(Until::For(Duration::from_secs(3))).await?.rate())
}

async fn at_rate(args: &Args, rate: f64, name: &str, nest: &Server, ours: &Server) -> Result<(), Box<dyn Error>> {
    let mut figures: [Vec<[f64; 3]>; 2] = Default::default();
    for _ in 0..args.rounds {
        for (figures, server) in figures.iter_mut().zip([nest, ours]) {
            figures.push(turn(server, rate, Duration::from_secs(args.turn)).await?);
        }
    }
    for (figures, service) in figures.iter().zip(["Nest", "ours"]) {
        let cells = (0..QUANTILES.len()).map(|index| {
            let spread = Spread::of(figures.iter().map(|turn| turn[index])).expect("a round");
            format!("{:.0} us ({:.0} to {:.0})", spread.median, spread.least, spread.most)
        });
        let cells = cells.collect::<Vec<_>>().join(" | ");
        println!("| {rate:.0}, {name} of Nest's capacity | {service} | {cells} |");
    }
    Ok(())
}

/// Returns the latencies of one turn, in microseconds.
async fn turn(server: &Server, rate: f64, duration: Duration) -> Result<[f64; 3], Box<dyn Error>> {
    let mut streams = Vec::new();
    for _ in 0..CONNECTIONS {
        let stream = TcpStream::connect(server.address()).await?;
        stream.set_nodelay(true)?;
        streams.push(stream);
    }
    let expected = Some(nest_wire::json::parse("6")?);
    let plan = Plan {
        calls: vec![Call::request(
            &RawJson::new("\"sum\"")?,
            &RawJson::new("[1,2,3]")?,
            None,
            expected,
        )],
        pace: Pace::Open { per_second: rate },
        patience: Duration::from_secs(30),
        compat: Compat::default(),
        timers: Timers::Precise,
    };
    let mut calls = Calls::new(streams, plan);
    calls.run(calls::Until::For(duration / 4)).await?;
    calls.run(calls::Until::For(duration)).await?;
    let tally = calls.tally();
    if tally.failures() > 0 || !calls.ended().is_empty() || Some(tally.begun) != calls.due() {
        return Err(format!("{rate:.0}/s: {tally:?}").into());
    }
    Ok(QUANTILES.map(|quantile| tally.latency.value_at_quantile(quantile) as f64 / 1e3))
}
