//! The same call over what a user could take instead: Nest's and our TCP, gRPC of tonic and of Nest,
//! NATS with nest-wire-nats, with the bare async-nats and with Nest.
//!
//! ```sh
//! cargo bench -p nest-wire-benches --bench alternatives
//! ```
//!
//! Each contender is a service on one core, called by a client in this process on another, over one
//! connection: with 64 calls in flight for the CPU time of the service's process, and one at a time
//! for the latency. All services run all the time, and have their turns round by round. The
//! requests add three numbers, and each answer is checked.

mod caller;
mod contender;
mod grpc;
mod service;

use std::{error::Error, time::Duration};

use clap::Parser;
use futures_util::{StreamExt, TryStreamExt, stream};
use nest_wire_benches::{
    comparison::Spread,
    descriptors,
    peers::{Cores, Pinned},
};
use nest_wire_harness::{Harness, NatsServer};
use tokio::time::Instant;

use contender::{Contender, Stack};
use service::Served;

/// The same call over TCP, gRPC and NATS
#[derive(Parser)]
struct Args {
    /// Number of turns of each contender
    #[arg(long, default_value_t = 7)]
    rounds: usize,
    /// Be one of the services
    #[arg(long, hide = true)]
    serve: Option<Served>,
    /// The NATS server of such a service
    #[arg(long, hide = true)]
    nats: Option<String>,
    /// Always on for such a service
    #[arg(long, hide = true)]
    with_parent: bool,
    /// Added by cargo
    #[arg(long, hide = true)]
    bench: bool,
}

/// The core of the services, and the core of the callers.
const SERVICES: Cores = Cores::Only(0);
const CALLERS: Cores = Cores::Only(1);
const IN_FLIGHT: usize = 64;
const TURN: Duration = Duration::from_millis(700);

/// The figures of one turn.
struct Turn {
    /// CPU time of the service for a call, in microseconds.
    cpu: f64,
    /// CPU time of the NATS server for a call, in microseconds; 0 without one.
    broker: f64,
    /// Latencies of calls made one at a time, in microseconds.
    p50: f64,
    p99: f64,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let args = Args::parse();
    descriptors::allow_all();
    if let Some(served) = args.serve {
        return service::serve(served, args.nats.as_deref()).await;
    }
    let harness = Harness::find()?;
    harness.install(&[12], |_| ()).await?;
    harness.install_grpc().await?;
    let nats = NatsServer::start(&harness).await?;
    let mut contenders = Vec::new();
    for stack in Stack::ALL {
        contenders.push(Contender::start(stack, &harness, &nats, SERVICES).await?);
    }
    let _pinned = Pinned::to(CALLERS);
    for contender in &contenders {
        turn(contender).await?;
    }
    let mut turns: Vec<Vec<Turn>> = contenders.iter().map(|_| Vec::new()).collect();
    for _ in 0..args.rounds {
        for (contender, turns) in contenders.iter().zip(&mut turns) {
            turns.push(turn(contender).await?);
        }
    }
    print(&turns);
    Ok(())
}

async fn turn(contender: &Contender) -> Result<Turn, Box<dyn Error>> {
    let (before, start) = (contender.used()?, Instant::now());
    let calls = stream::repeat(())
        .take_while(|()| std::future::ready(start.elapsed() < TURN))
        .map(|()| contender.call())
        .buffer_unordered(IN_FLIGHT)
        .try_fold(0_u32, async |made, ()| Ok(made + 1))
        .await?;
    let [cpu, broker] = contender
        .used()?
        .since(&before)
        .map(|used| used.as_secs_f64() * 1e6 / f64::from(calls));
    let mut latencies = Vec::new();
    let start = Instant::now();
    while start.elapsed() < TURN {
        let call = Instant::now();
        contender.call().await?;
        latencies.push(call.elapsed().as_secs_f64() * 1e6);
    }
    latencies.sort_by(f64::total_cmp);
    let quantile = |share: f64| latencies[(latencies.len() as f64 * share) as usize];
    Ok(Turn {
        cpu,
        broker,
        p50: quantile(0.5),
        p99: quantile(0.99),
    })
}

/// Prints a row for each contender, with its figures over those of the first in the same rounds.
fn print(turns: &[Vec<Turn>]) {
    println!("| service | CPU of a call | times ours | with the broker's | p50, one at a time | p99 |");
    println!("| --- | ---: | ---: | ---: | ---: | ---: |");
    let ours = &turns[0];
    for (stack, turns) in Stack::ALL.iter().zip(turns) {
        let median = |of: fn(&Turn) -> f64| Spread::of(turns.iter().map(of)).expect("a round").median;
        let ratios = turns.iter().zip(ours).map(|(turn, ours)| turn.cpu / ours.cpu);
        let Spread {
            median: times,
            least,
            most,
        } = Spread::of(ratios).expect("a round");
        let broker = match median(|turn| turn.broker) {
            0.0 => String::new(),
            _ => format!("{:.1} us", median(|turn| turn.cpu + turn.broker)),
        };
        println!(
            "| {stack} | {:.1} us | {times:.2} ({least:.2} to {most:.2}) | {broker} | {:.0} us | {:.0} us |",
            median(|turn| turn.cpu),
            median(|turn| turn.p50),
            median(|turn| turn.p99),
        );
    }
}
