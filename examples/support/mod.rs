//! What the example services share: listening as they are told, and ending cleanly.
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

/// Where a service listens.
#[derive(Debug, clap::Args)]
pub(crate) struct Listen<const PORT: u16> {
    /// The port; 0 picks one that is free
    #[arg(long, default_value_t = PORT)]
    port: u16,
    /// The name or address of the interface
    #[arg(long)]
    host: Option<String>,
    /// End when standard input does: whoever started the service holds the other end
    #[arg(long)]
    with_parent: bool,
}

impl<const PORT: u16> Listen<PORT> {
    /// Listens and says so, a line for each address. `host` is for when none was given.
    pub(crate) async fn bind(&self, host: &str) -> io::Result<HostListener> {
        let host = self.host.as_deref().unwrap_or(host);
        let listener = HostListener::bind((host, self.port)).await?;
        announce(&listener.local_addrs()?);
        Ok(listener)
    }

    /// Completes when the service is told to stop: on SIGTERM, on Ctrl-C, and with its parent. It hears of signals from
    /// now on: call it before [`bind`](Self::bind), whose announcement is when others may begin to send them.
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

/// Tells whoever started the service where it accepts.
pub(crate) fn announce(addresses: &[SocketAddr]) {
    for address in addresses {
        println!("listening {address}");
    }
}

/// Completes when the service, which has been told to stop, is told again: on SIGTERM and on Ctrl-C. It hears of signals
/// from when it is first polled.
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
    // A thread of its own: tokio's would keep the process from ending while it waits for input.
    thread::spawn(move || {
        // What comes in is of no interest; an error is an end too.
        let _ = io::copy(&mut io::stdin(), &mut io::sink());
        let _ = tell.send(());
    });
    let _ = ended.await;
}

/// Logs to standard error what `RUST_LOG` asks for, by default warnings.
pub(crate) fn log() {
    let wanted = env::var("RUST_LOG").ok().and_then(|wanted| wanted.parse().ok());
    let filter = wanted.unwrap_or_else(|| Targets::new().with_default(LevelFilter::WARN));
    let lines = tracing_subscriber::fmt::layer()
        .with_ansi(io::stderr().is_terminal())
        .with_writer(io::stderr);
    tracing_subscriber::registry().with(lines.with_filter(filter)).init();
}

/// Lets axum accept from our listener, on all its addresses.
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
