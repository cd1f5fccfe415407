//! A service whose callers use a custom socket class, serializer and deserializer, and such a
//! caller. The other half, on Nest, is in `node-harness/transport.mjs`.
//!
//! ```sh
//! cargo run --example custom_framing -- --port 8899 &
//! cargo run --example custom_framing -- --call localhost:8899 3 5 6
//!
//! # The same caller and the same service on Nest:
//! echo '{"op":"send","key":1,"pattern":"sum","data":[3,5,6]}' |
//!     node node-harness/oracles/client-tcp.mjs --port 8899 --framing length-prefixed
//! node node-harness/apps/conformance-service.mjs --port 8898 --framing length-prefixed
//! ```

use clap::Parser;
use nest_wire::{
    client::Client,
    connection::TransportConfig,
    server::{Payload, Router, serve},
};

mod framing;
#[path = "../support/mod.rs"]
mod support;

use framing::LengthPrefixed;

/// A service, or with `--call` a caller of it
#[derive(Parser)]
struct Args {
    #[command(flatten)]
    listen: support::Listen<8899>,
    /// Call the service at this address for the sum
    #[arg(long)]
    call: Option<String>,
    /// Numbers to add
    numbers: Vec<f64>,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    support::log();
    let Args { listen, call, numbers } = Args::parse();
    let connection = TransportConfig::default().framing(LengthPrefixed::default);
    if let Some(address) = call {
        let config = Client::builder().transport(connection);
        let total: f64 = config.build(address).expect("a client").send("sum", &numbers).await?;
        println!("{total}");
        return Ok(());
    }
    let stopped = listen.stopped();
    let listener = listen.bind("127.0.0.1").await?;
    serve(listener, Router::new().message("sum", sum).event("log", log))
        .transport(connection)
        .with_graceful_shutdown(stopped)
        .with_forced_shutdown(support::stopped_again())
        .await;
    Ok(())
}

async fn sum(Payload(numbers): Payload<Vec<f64>>) -> f64 {
    numbers.iter().sum()
}

async fn log(Payload(text): Payload<String>) {
    println!("{text}");
}
