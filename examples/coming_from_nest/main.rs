//! The recipes of `docs/guide` as a service: the counterparts of guards, pipes, interceptors and
//! exception filters. The same service on Nest is `node-harness/apps/guide-service.mjs`.
//!
//! ```sh
//! cargo run --example coming_from_nest -- --port 8866 &
//! cargo run -- send localhost:8866 order '{"item":"tea","quantity":0}'
//! ```

use clap::Parser;
use nest_wire::server::serve;

mod filter;
mod guard;
mod interceptor;
mod pipe;
#[path = "../support/mod.rs"]
mod support;

/// Guards, pipes, interceptors and exception filters
#[derive(Parser)]
struct Args {
    #[command(flatten)]
    listen: support::Listen<8866>,
}

#[tokio::main]
async fn main() -> std::io::Result<()> {
    support::log();
    let Args { listen } = Args::parse();
    let router = guard::router()
        .merge(pipe::router())
        .merge(interceptor::router())
        .merge(filter::router());
    let stopped = listen.stopped();
    let listener = listen.bind("127.0.0.1").await?;
    serve(listener, router)
        .with_graceful_shutdown(stopped)
        .with_forced_shutdown(support::stopped_again())
        .await;
    Ok(())
}
