//! The tutorial's user service: `sum` is a message, `log` an event. Real Nest callers can use it
//! without a change.
//!
//! ```sh
//! cargo run --example microservice_test_user -- --port 8888
//! ```

use std::io;

use clap::Parser;
use nest_wire::server::{Payload, Router, serve};

mod support;

/// The tutorial's microservice-test-user
#[derive(Debug, Parser)]
pub(crate) struct Args {
    #[command(flatten)]
    listen: support::Listen<8888>,
}

/// JavaScript's `NaN` arrives as `null`, which JavaScript adds as 0.
async fn sum(Payload(numbers): Payload<Vec<Option<f64>>>) -> f64 {
    numbers.into_iter().flatten().sum()
}

async fn log(Payload(text): Payload<String>) {
    println!("{text}");
}

/// Serves until a signal stops it.
pub(crate) async fn run(Args { listen }: Args) -> io::Result<()> {
    support::log();
    let stopped = listen.stopped();
    let listener = listen.bind("localhost").await?;
    let router = Router::new().message("sum", sum).event("log", log);
    serve(listener, router)
        .with_graceful_shutdown(stopped)
        .with_forced_shutdown(support::stopped_again())
        .await;
    Ok(())
}

#[tokio::main]
#[allow(dead_code, reason = "the demo of the command line runs it in its own way")]
async fn main() -> io::Result<()> {
    run(Args::parse()).await
}
