//! The parts that the example services share: listening by flags, and ending cleanly.
#![allow(dead_code, reason = "no example needs all of it")]

use std::{
    env,
    future::Future,
    io::{self, IsTerminal},
    net::SocketAddr,
    thread,
};

use nest_wire::server::HostListener;
use tokio::{net::TcpStream, sync::oneshot};
use tracing_subscriber::{
    Layer,
    filter::{LevelFilter, Targets},
    layer::SubscriberExt,
    util::SubscriberInitExt,
};

/// The address that a service listens on.
#[derive(Debug, clap::Args)]
pub(crate) struct Listen<const PORT: u16> {
    /// The port; 0 picks a free one
    #[arg(long, default_value_t = PORT)]
    port: u16,
    /// The name or address of the interface
    #[arg(long)]
    host: Option<String>,
    /// End when standard input ends; the parent process holds the other end
    #[arg(long)]
    with_parent: bool,
}

impl<const PORT: u16> Listen<PORT> {
    /// Listens and prints each address on a line. `host` applies if the flag is not given.
    pub(crate) async fn bind(&self, host: &str) -> io::Result<HostListener> {
        let host = self.host.as_deref().unwrap_or(host);
        let listener = HostListener::bind((host, self.port)).await?;
        announce(&listener.local_addrs()?);
        Ok(listener)
    }

    /// Completes when the service should stop: on SIGTERM, on Ctrl-C, or with its parent. Signals
    /// are handled from this call on. Call it before [`bind`](Self::bind), because others may send
    /// signals once the address is printed.
    pub(crate) fn stopped(&self) -> impl Future<Output = ()> + Send + 'static {
        let with_parent = self.with_parent;
        let signalled = signalled();
        async move {
            tokio::select! {
                () = signalled => {}
                () = stdin_ended(), if with_parent => {}
            }
        }
    }
}

/// Prints the addresses on which the service accepts, for the process that started it.
pub(crate) fn announce(addresses: &[SocketAddr]) {
    for address in addresses {
        println!("listening {address}");
    }
}

/// Completes on a further SIGTERM or Ctrl-C, while the service already stops. Signals are handled
/// from the first poll on.
pub(crate) async fn stopped_again() {
    signalled().await;
}

#[cfg(unix)]
fn signalled() -> impl Future<Output = ()> + Send + 'static {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminated = signal(SignalKind::terminate()).expect("a handler for SIGTERM");
    let mut interrupted = signal(SignalKind::interrupt()).expect("a handler for Ctrl-C");
    async move {
        tokio::select! {
            _ = terminated.recv() => {}
            _ = interrupted.recv() => {}
        }
    }
}

#[cfg(not(unix))]
async fn signalled() {
    tokio::signal::ctrl_c().await.expect("a handler for Ctrl-C");
}

async fn stdin_ended() {
    let (tell, ended) = oneshot::channel();
    // This is a thread of its own, because tokio's thread for input would keep the process from
    // ending.
    thread::spawn(move || {
        // The input is discarded; an error counts as the end too.
        let _ = io::copy(&mut io::stdin(), &mut io::sink());
        let _ = tell.send(());
    });
    let _ = ended.await;
}

/// Logs to standard error at the levels of `RUST_LOG`, by default warnings.
pub(crate) fn log() {
    let wanted = env::var("RUST_LOG").ok().and_then(|wanted| wanted.parse().ok());
    let filter = wanted.unwrap_or_else(|| Targets::new().with_default(LevelFilter::WARN));
    let lines = tracing_subscriber::fmt::layer()
        .with_ansi(io::stderr().is_terminal())
        .with_writer(io::stderr);
    tracing_subscriber::registry().with(lines.with_filter(filter)).init();
}

/// Lets axum accept connections from our listener, on all its addresses.
pub(crate) struct HttpListener(pub(crate) HostListener);

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
