//! The conformance service: every kind of handler the protocol knows. Its twin on real Nest is
//! `node-harness/apps/conformance-service.mjs`: whatever a peer sends, the two answer with the same bytes.
//!
//! ```sh
//! cargo run --example conformance_service -- --port 8877
//! ```

use clap::Parser;
use nest_wire::server::serve;

#[path = "support/conformance.rs"]
mod conformance;
mod support;

/// The Rust half of the conformance service
#[derive(Parser)]
struct Args {
    #[command(flatten)]
    listen: support::Listen<0>,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    support::log();
    let Args { listen } = Args::parse();
    let stopped = listen.stopped();
    let listener = listen.bind("127.0.0.1").await?;
    serve(listener, conformance::router()?)
        .with_graceful_shutdown(stopped)
        .await;
    Ok(())
}
