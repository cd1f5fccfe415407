//! What the example services share: listening as they are told, and ending cleanly.
#![allow(dead_code, reason = "no example needs all of it")]

use std::{io, net::SocketAddr};

use nest_wire::server::{Listener, Router, serve};
use tokio::net::TcpStream;
use tracing_subscriber::EnvFilter;

/// Where a service listens.
#[derive(Debug, clap::Args)]
pub(crate) struct Listen<const PORT: u16> {
    /// The port; 0 picks one that is free
    #[arg(long, default_value_t = PORT)]
    port: u16,
    /// The name or address of the interface
    #[arg(long)]
    host: Option<String>,
}

impl<const PORT: u16> Listen<PORT> {
    /// Listens and says so, a line for each address. `host` is for when none was given.
    pub(crate) async fn bind(&self, host: &str) -> io::Result<Listener> {
        let host = self.host.as_deref().unwrap_or(host);
        let listener = Listener::bind((host, self.port)).await?;
        announce(&listener.local_addrs()?);
        Ok(listener)
    }
}

/// Tells whoever started the service where it accepts.
pub(crate) fn announce(addresses: &[SocketAddr]) {
    for address in addresses {
        println!("listening {address}");
    }
}

/// Serves until the process is told to stop, and finishes what is in flight.
pub(crate) async fn serve_until_stopped(listener: Listener, router: Router) {
    serve(listener, router).with_graceful_shutdown(stopped()).await;
}

/// Completes on SIGTERM and on Ctrl-C.
pub(crate) async fn stopped() {
    let interrupted = async { tokio::signal::ctrl_c().await.expect("a handler for Ctrl-C") };
    #[cfg(unix)]
    let terminated = async {
        use tokio::signal::unix::{SignalKind, signal};
        signal(SignalKind::terminate())
            .expect("a handler for SIGTERM")
            .recv()
            .await;
    };
    #[cfg(not(unix))]
    let terminated = std::future::pending();
    tokio::select! {
        () = interrupted => {}
        () = terminated => {}
    }
}

/// Logs to standard error what `RUST_LOG` asks for, by default warnings.
pub(crate) fn log() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .init();
}

/// Lets axum accept from our listener, on all its addresses.
pub(crate) struct HttpListener(pub(crate) Listener);

impl axum::serve::Listener for HttpListener {
    type Io = TcpStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (TcpStream, SocketAddr) {
        self.0.accept().await
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addrs().map(|addresses| addresses[0])
    }
}
