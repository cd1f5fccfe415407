//! A service that prints each number as soon as a handler has received it.
//!
//! Its twin on Node is `node-harness/apps/chaos-service.mjs`. The programs of this package run it
//! as a separate process, `PROGRAM serve FLAGS`, so that it can be stopped, killed and measured.

mod flags;
mod handlers;

use std::{io, thread};

use nest_wire::{
    server::{HostListener, Router, Serve, listen::TlsListener, serve},
    tls::ServerTls,
};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tokio::{
    runtime,
    signal::unix::{SignalKind, signal},
    sync::oneshot,
};
use tracing_subscriber::EnvFilter;

pub use flags::Flags;

/// Runs the service until SIGTERM, or with `--with-parent` until standard input ends, and then
/// until it is drained.
///
/// # Errors
/// Fails if the service cannot listen or a certificate cannot be read.
pub fn run(flags: &Flags) -> io::Result<()> {
    limit_descriptors(flags.descriptors)?;
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("error"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .init();
    let mut builder = match flags.workers {
        0 => runtime::Builder::new_current_thread(),
        _ => runtime::Builder::new_multi_thread(),
    };
    let runtime = builder.worker_threads(flags.workers.max(1)).enable_all().build()?;
    runtime.block_on(listen(flags))
}

async fn listen(flags: &Flags) -> io::Result<()> {
    let stopped = stopped(flags.with_parent)?;
    let listener = HostListener::bind(("127.0.0.1", flags.port)).await?;
    let addresses = listener.local_addrs()?;
    let router = handlers::router(flags.is_quiet);
    for address in addresses {
        println!("listening {address}");
    }
    let ending = match (&flags.cert, &flags.key) {
        (Some(cert), Some(key)) => {
            let tls = ServerTls::from_pem_files(cert, key).map_err(io::Error::other)?;
            limited(serve(TlsListener::new(listener, tls), router), flags)
                .with_graceful_shutdown(stopped)
                .await
        }
        _ => {
            limited(serve(listener, router), flags)
                .with_graceful_shutdown(stopped)
                .await
        }
    };
    eprintln!("{ending:?}");
    Ok(())
}

fn limited<L, F>(serving: Serve<L, F>, flags: &Flags) -> Serve<L, F> {
    let serving = serving.limits(flags.limits()).transport(flags.connection());
    match flags.drain_timeout() {
        Some(timeout) => serving.drain_timeout(timeout),
        None => serving,
    }
}

/// Completes on SIGTERM or, with `with_parent`, when standard input ends.
fn stopped(with_parent: bool) -> io::Result<impl Future<Output = ()> + Send + 'static> {
    let mut terminated = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = terminated.recv() => {}
            () = stdin_ended(), if with_parent => {}
        }
    })
}

async fn stdin_ended() {
    let (tell, ended) = oneshot::channel();
    // This is a thread of its own, because tokio's thread for input would keep the process from
    // ending.
    thread::spawn(move || {
        let _ = io::copy(&mut io::stdin(), &mut io::sink());
        let _ = tell.send(());
    });
    let _ = ended.await;
}

/// Lowers the limit of open descriptors to `most`, or raises it as far as the system allows.
fn limit_descriptors(most: Option<u64>) -> io::Result<()> {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    let most = most.unwrap_or(hard).min(hard);
    Ok(setrlimit(Resource::RLIMIT_NOFILE, most, hard)?)
}

/// Returns the handlers, for a service within this process.
#[must_use]
pub fn router() -> Router {
    handlers::router(true)
}
