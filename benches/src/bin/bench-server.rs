//! Our server, to be measured: all settings at their defaults, tracing without a subscriber.
//!
//! It prints its address as the services of `node-harness` do, and ends with its standard input.

use std::io;

use clap::Parser;
use nest_wire::server::{HostListener, serve};
use nest_wire_benches::{descriptors, handlers, parent};
use tokio::runtime::{Builder, Runtime};

/// Run nest-wire, to be measured
#[derive(Parser)]
struct Args {
    /// Number of threads; 1 is the main thread
    #[arg(long, default_value_t = 1)]
    workers: usize,
    /// Number of further routes beside the called ones
    #[arg(long, default_value_t = 0)]
    routes: usize,
    /// Always on
    #[arg(long)]
    with_parent: bool,
}

fn main() -> io::Result<()> {
    let args = Args::parse();
    descriptors::allow_all();
    runtime(args.workers)?.block_on(async {
        let listener = HostListener::bind("127.0.0.1:0").await?;
        println!("listening {}", listener.local_addrs()?[0]);
        let service = serve(listener, handlers::router_among(args.routes)).with_graceful_shutdown(parent::ended());
        if args.workers > 1 {
            // Serve on a worker: the main thread is not one.
            tokio::spawn(service.into_future()).await?;
        } else {
            service.await;
        }
        Ok(())
    })
}

fn runtime(workers: usize) -> io::Result<Runtime> {
    match workers {
        1 => Builder::new_current_thread().enable_all().build(),
        workers => Builder::new_multi_thread().worker_threads(workers).enable_all().build(),
    }
}
