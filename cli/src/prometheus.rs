//! A page of metrics, for Prometheus.

use std::{io, time::Duration};

use axum::{Router, routing::get};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use nest_wire::server::HostListener;
use tokio::{net::TcpStream, time::sleep};

use crate::{address::HostPort, failure::Failure, listen::listen};

/// The bounds of the histograms' buckets, in seconds.
const BUCKETS: [f64; 12] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0,
];

/// How often values that the exporter has collected are put in order.
const UPKEEP: Duration = Duration::from_secs(5);

/// Serves `GET /metrics`, in tasks of their own. Returns the page's address. Metrics count from here
/// on.
pub(crate) async fn serve(place: &HostPort) -> Result<String, Failure> {
    let handle = PrometheusBuilder::new()
        .set_buckets(&BUCKETS)
        .and_then(PrometheusBuilder::install_recorder)
        .map_err(Failure::usage)?;
    let listener = listen(place).await?;
    let address = listener
        .local_addrs()?
        .first()
        .map_or_else(String::new, ToString::to_string);
    tokio::spawn(keep_up(handle.clone()));
    let pages = Router::new().route("/metrics", get(async move || handle.render()));
    tokio::spawn(async { drop(axum::serve(PageListener(listener), pages).await) });
    Ok(address)
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
