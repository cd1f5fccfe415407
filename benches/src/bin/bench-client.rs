//! Our client, to be measured. Its twin is `node-harness/apps/bench-client.mjs`.
//!
//! For each line with a number, the client makes that many calls of `sum`, with a fixed number in
//! flight, or emits that many events, and checks every reply. Then it prints `done` and the number.
//! It ends with its standard input.

use std::{
    error::Error,
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use clap::Parser;
use nest_wire::client::{CallError, Client};
use tokio::task::JoinSet;

/// Run nest-wire's client, to be measured
#[derive(Parser)]
struct Args {
    /// The service's port
    #[arg(long)]
    port: u16,
    /// Number of calls in flight
    #[arg(long, default_value_t = 64)]
    in_flight: usize,
    /// Emit events
    #[arg(long)]
    emit: bool,
}

fn main() -> Result<(), Box<dyn Error>> {
    let args = Args::parse();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let client = Client::new(format!("127.0.0.1:{}", args.port));
    // There is no work between two lines, so reading may block the only thread.
    for line in io::stdin().lines() {
        let count = line?.parse()?;
        runtime.block_on(calls(&client, count, &args))?;
        println!("done {count}");
    }
    Ok(())
}

/// Runs one task for each call in flight, as a service has one for each of its own callers.
async fn calls(client: &Client, count: u64, args: &Args) -> Result<(), CallError> {
    let left = Arc::new(AtomicU64::new(count));
    let mut places = JoinSet::new();
    for _ in 0..args.in_flight {
        let (client, left, emit) = (client.clone(), Arc::clone(&left), args.emit);
        places.spawn(async move {
            while take_one(&left) {
                if emit {
                    client.emit("log", "hello").await?;
                } else {
                    let sum: f64 = client.send("sum", &[1, 2, 3]).await?;
                    assert!(sum == 6.0, "wrong answer: {sum}");
                }
            }
            Ok(())
        });
    }
    while let Some(place) = places.join_next().await {
        place.expect("a right answer")?;
    }
    Ok(())
}

fn take_one(left: &AtomicU64) -> bool {
    left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1))
        .is_ok()
}
