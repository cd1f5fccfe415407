//! A page of metrics, for Prometheus.

use std::{io, thread, time::Duration};

use axum::{Router, routing::get};
use clap::Args;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use nest_wire::server::HostListener;
use tokio::{net::TcpStream, runtime::Builder, sync::oneshot, time::sleep};

use crate::{
    address::HostPort,
    failure::{Failure, say},
    listen::listen,
};

/// The bounds of the histograms' buckets, in seconds.
const BUCKETS: [f64; 12] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0,
];

/// How often values that the exporter has collected are put in order.
const UPKEEP: Duration = Duration::from_secs(5);

/// The option `--metrics`.
#[derive(Debug, Args)]
pub(crate) struct MetricsOptions {
    /// Serve metrics for Prometheus at http://HOST:PORT/metrics
    #[arg(long, value_name = "HOST:PORT")]
    metrics: Option<HostPort>,
}

/// The address of the page of metrics, or `None` without `--metrics`.
pub(crate) struct Page(Option<String>);

impl MetricsOptions {
    /// Serves metrics, if they are asked for. They count from here on.
    pub(crate) async fn serve(&self) -> Result<Page, Failure> {
        Ok(Page(match &self.metrics {
            Some(place) => Some(serve(place).await?),
            None => None,
        }))
    }
}

impl Page {
    /// Says where it is.
    pub(crate) fn announce(&self) {
        if let Some(address) = &self.0 {
            say(format_args!("metrics http://{address}/metrics"));
        }
    }
}

/// Serves `GET /metrics`, on a thread of its own: a page may be long, and traffic must not wait for
/// it. Returns the page's address.
async fn serve(place: &HostPort) -> Result<String, Failure> {
    let handle = PrometheusBuilder::new()
        .set_buckets(&BUCKETS)
        .and_then(PrometheusBuilder::install_recorder)
        .map_err(Failure::usage)?;
    let (sender, bound) = oneshot::channel();
    let place = place.clone();
    thread::spawn(move || {
        let runtime = Builder::new_current_thread().enable_all().build();
        runtime
            .expect("the system has room for one more event queue")
            .block_on(serve_pages(place, handle, sender));
    });
    bound.await.expect("the thread says where it listens")
}

/// Serves until the process ends. Sends the address first, or why there is none.
async fn serve_pages(place: HostPort, handle: PrometheusHandle, bound: oneshot::Sender<Result<String, Failure>>) {
    let listener = match listen(&place).await {
        Ok(listener) => listener,
        Err(failure) => return drop(bound.send(Err(failure))),
    };
    let addresses = listener.local_addrs().map_err(Failure::from);
    let address = addresses.map(|addresses| addresses.first().map_or_else(String::new, ToString::to_string));
    // The command waits for it, or has been stopped.
    drop(bound.send(address));
    tokio::spawn(keep_up(handle.clone()));
    let pages = Router::new().route("/metrics", get(async move || handle.render()));
    drop(axum::serve(PageListener(listener), pages).await);
}

async fn keep_up(handle: PrometheusHandle) {
    loop {
        sleep(UPKEEP).await;
        handle.run_upkeep();
    }
}

struct PageListener(HostListener);

impl axum::serve::Listener for PageListener {
    type Io = TcpStream;
    type Addr = std::net::SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        self.0.accept().await
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        let addresses = self.0.local_addrs()?;
        addresses
            .into_iter()
            .next()
            .ok_or_else(|| io::ErrorKind::NotConnected.into())
    }
}
