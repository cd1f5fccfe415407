//! A service with metrics for Prometheus.
//!
//! ```sh
//! cargo run --example metrics --features metrics -- --port 8888 --metrics-port 9464 &
//! cargo run -- send localhost:8888 sum '[1,2,3]'
//! curl http://localhost:9464/metrics
//! ```

use std::error::Error;

use axum::routing::get;
use clap::Parser;
use metrics_exporter_prometheus::PrometheusBuilder;
use nest_wire::server::{HostListener, Payload, Router, serve};

mod support;

/// A service with metrics
#[derive(Parser)]
struct Args {
    #[command(flatten)]
    listen: support::Listen<8888>,
    /// The port for /metrics; 0 picks a free one
    #[arg(long, default_value_t = 9464)]
    metrics_port: u16,
}

async fn sum(Payload(numbers): Payload<Vec<f64>>) -> f64 {
    numbers.iter().sum()
}

/// Buckets in seconds.
const BUCKETS: [f64; 9] = [0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0];

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    support::log();
    let Args { listen, metrics_port } = Args::parse();
    let stopped = listen.stopped();

    // Install the recorder before serving: earlier metrics are lost.
    let recorder = PrometheusBuilder::new().set_buckets(&BUCKETS)?.install_recorder()?;
    let pages = axum::Router::new().route("/metrics", get(async move || recorder.render()));
    let page_listener = HostListener::bind(("localhost", metrics_port)).await?;
    println!("metrics on {}", page_listener.local_addrs()?[0]);
    tokio::spawn(axum::serve(support::HttpListener(page_listener), pages).into_future());

    let listener = listen.bind("localhost").await?;
    let router = Router::new().message("sum", sum);
    serve(listener, router)
        .with_graceful_shutdown(stopped)
        .with_forced_shutdown(support::stopped_again())
        .await;
    Ok(())
}
