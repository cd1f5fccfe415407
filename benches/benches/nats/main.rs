//! Calls over NATS: our service and client beside the bare `async-nats`, in turns within one run.
//!
//! ```sh
//! cargo bench -p nest-wire-benches --bench nats
//! ```
//!
//! All contenders send the same payloads through the same NATS server. A service and its caller share
//! one thread of this process, so the CPU time of a call is that of both. The server is a process of
//! its own, and not part of it.

mod contender;

use std::{
    error::Error,
    time::{Duration, Instant},
};

use clap::Parser;
use futures_util::{StreamExt, TryStreamExt, stream};
use nest_wire_benches::{comparison::Spread, usage};
use nest_wire_harness::{Harness, NatsServer};

use contender::{Contender, Exchange, Sides};

/// Calls over NATS: ours beside the bare async-nats
#[derive(Parser)]
struct Args {
    /// Number of turns of each contender
    #[arg(long, default_value_t = 15)]
    rounds: usize,
    /// Added by cargo
    #[arg(long, hide = true)]
    bench: bool,
}

/// Maximum of our time for a call over that of the bare client and service.
const TARGET: f64 = 1.5;
const TURN: Duration = Duration::from_millis(300);

/// The figures of one turn, for one call.
#[derive(Clone, Copy)]
struct Turn {
    time: f64,
    cpu: f64,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let args = Args::parse();
    let server = NatsServer::start(&Harness::find()?).await?;
    println!("| load | ours | time, ours / bare | CPU, ours / bare | bare, calls a second | at most {TARGET} |");
    println!("| --- | --- | ---: | ---: | ---: | --- |");
    for (exchange, in_flight) in [
        (Exchange::sum(), 1),
        (Exchange::sum(), 64),
        (Exchange::sum(), 1000),
        (Exchange::echo(10_000), 64),
    ] {
        rows(&server, &exchange, in_flight, args.rounds).await?;
    }
    Ok(())
}

/// Prints a row for each contender beside the bare one.
async fn rows(server: &NatsServer, exchange: &Exchange, in_flight: usize, rounds: usize) -> Result<(), Box<dyn Error>> {
    let mut contenders = Vec::new();
    for sides in [Sides::Bare, Sides::OurService, Sides::Ours] {
        contenders.push(Contender::start(&server.url(), exchange, sides).await?);
    }
    for contender in &contenders {
        turn(contender, in_flight).await?;
    }
    let mut turns: Vec<Vec<Turn>> = vec![Vec::new(); contenders.len()];
    for _ in 0..rounds {
        for (contender, turns) in contenders.iter().zip(&mut turns) {
            turns.push(turn(contender, in_flight).await?);
        }
    }
    let [bare, service, ours] = &turns[..] else {
        return Err("three contenders".into());
    };
    for (name, turns) in [("service", service), ("service and client", ours)] {
        print(&format!("{}, {in_flight} in flight", exchange.name), name, bare, turns);
    }
    Ok(())
}

/// Makes calls for the time of a turn.
async fn turn(contender: &Contender, in_flight: usize) -> Result<Turn, Box<dyn Error>> {
    let (start, cpu) = (Instant::now(), usage::this_thread());
    let calls = stream::repeat(())
        .take_while(|()| std::future::ready(start.elapsed() < TURN))
        .map(|()| contender.call())
        .buffer_unordered(in_flight)
        .try_fold(0_u32, async |made, ()| Ok(made + 1))
        .await?;
    let for_one = |time: Duration| time.as_secs_f64() / f64::from(calls);
    Ok(Turn {
        time: for_one(start.elapsed()),
        cpu: for_one(usage::this_thread() - cpu),
    })
}

fn print(load: &str, name: &str, bare: &[Turn], ours: &[Turn]) {
    let ratio = |of: fn(&Turn) -> f64| {
        let ratios = ours.iter().zip(bare).map(|(ours, bare)| of(ours) / of(bare));
        Spread::of(ratios).expect("a round")
    };
    let shown = |Spread { median, least, most }| format!("{median:.2} [{least:.2} .. {most:.2}]");
    let (time, cpu) = (ratio(|turn| turn.time), ratio(|turn| turn.cpu));
    let bare = Spread::of(bare.iter().map(|turn| 1.0 / turn.time)).expect("a round");
    let holds = if time.median <= TARGET { "yes" } else { "**no**" };
    println!(
        "| {load} | {name} | {} | {} | {:.0} | {holds} |",
        shown(time),
        shown(cpu),
        bare.median
    );
}
