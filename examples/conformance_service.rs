//! The conformance service: every kind of handler of the protocol. Its twin on real Nest is
//! `node-harness/apps/conformance-service.mjs`: for any bytes of a peer, both reply with the same
//! bytes.
//!
//! ```sh
//! cargo run --example conformance_service -- --port 8877
//! ```

use clap::Parser;
use nest_wire::{Compat, connection::TransportConfig, server::serve};

#[path = "support/conformance.rs"]
mod conformance;
mod support;

/// The Rust half of the conformance service
#[derive(Parser)]
struct Args {
    #[command(flatten)]
    listen: support::Listen<0>,
    /// The major of Nest whose rules to follow
    #[arg(long, default_value = "12", value_parser = compat)]
    nest: Compat,
}

fn compat(major: &str) -> Result<Compat, String> {
    let compat = major.parse().ok().and_then(Compat::from_major);
    compat.ok_or_else(|| "one of 7 to 12".to_owned())
}

/// The limits came with Nest 11.
fn limits(compat: Compat) -> TransportConfig {
    let limits = TransportConfig::default();
    match compat {
        Compat::Nest11 | Compat::Nest12 => limits,
        _ => limits
            .max_buffer_size(usize::MAX)
            .incomplete_message_timeout(None)
            .max_send_buffer_size(usize::MAX),
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    support::log();
    let Args { listen, nest } = Args::parse();
    let stopped = listen.stopped();
    let listener = listen.bind("127.0.0.1").await?;
    serve(listener, conformance::router()?.compat(nest))
        .transport(limits(nest))
        .with_graceful_shutdown(stopped)
        .with_forced_shutdown(support::stopped_again())
        .await;
    Ok(())
}
