//! A service that moves to Rust one handler at a time: what it has no handler for, the old service
//! does.
//!
//! ```sh
//! node node-harness/apps/conformance-service.mjs --port 8887 &
//! cargo run --example move_one_handler -- --port 8888 --old localhost:8887 &
//! cargo run -- send localhost:8888 sum '[1,2,3]'      # Rust
//! cargo run -- send localhost:8888 echo '"hello"'     # the old service
//! ```

use std::error::Error;

use clap::Parser;
use nest_wire::{
    Compat,
    client::{Client, ReconnectPolicy},
    forward::forward_to,
    server::{Payload, Router, serve},
};

mod support;

/// A service with one handler of its own in front of the old one
#[derive(Parser)]
struct Args {
    #[command(flatten)]
    listen: support::Listen<8888>,
    /// Where the old service is
    #[arg(long, default_value = "localhost:8887")]
    old: String,
    /// Be like this major of Nest, 7 to 12
    #[arg(long, default_value_t = 12)]
    nest: u8,
}

// The first handler that has moved.
async fn sum(Payload(numbers): Payload<Vec<f64>>) -> f64 {
    numbers.iter().sum()
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    support::log();
    let Args { listen, old, nest } = Args::parse();
    let stopped = listen.stopped();

    let old_service = Client::builder().reconnect(ReconnectPolicy::always()).build(old)?;
    let router = Router::new()
        .message("sum", sum)
        .fallback(forward_to(old_service))
        .compat(Compat::from_major(nest).ok_or("--nest takes 7 to 12")?);

    serve(listen.bind("localhost").await?, router)
        .with_graceful_shutdown(stopped)
        .with_forced_shutdown(support::stopped_again())
        .await;
    Ok(())
}
