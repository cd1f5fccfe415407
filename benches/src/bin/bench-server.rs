//! Our server under measurement: everything at its default, tracing without a subscriber.
//!
//! It announces itself as the services of `node-harness` do, and ends with its standard input.

use std::io;

use clap::Parser;
use nest_wire::server::{HostListener, serve};
use nest_wire_benches::{descriptors, handlers, parent};
use tokio::runtime::{Builder, Runtime};

/// nest-wire, to be measured
#[derive(Parser)]
struct Args {
    /// Threads to serve on; 1 is the thread that started
    #[arg(long, default_value_t = 1)]
    workers: usize,
    /// How many routes to have beside those that are called
    #[arg(long, default_value_t = 0)]
    routes: usize,
    /// Always the case
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
            // On a worker: the thread that started is none.
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
