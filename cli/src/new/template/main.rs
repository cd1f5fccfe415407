//! A microservice that Nest calls over TCP. It reads HOST, PORT and OLD_SERVICE, logs, and drains its
//! connections on SIGTERM.
//!
//! `CRATE` serves. `CRATE check` checks the health of a running service, for probes, and ends with
//! status 0 or 1.

mod settings;
mod signals;

use std::{error::Error, time::Duration};

use CRATE::handlers;
use nest_wire::{
    client::Client,
    server::{HostListener, ShutdownOutcome, serve},
};
use settings::Settings;
use tracing::{info, warn};
use tracing_subscriber::EnvFilter;

/// Maximum time for calls in flight to finish after SIGTERM.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(25);

/// Maximum time for a check.
const CHECK_TIMEOUT: Duration = Duration::from_secs(2);

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let settings = Settings::from_env()?;
    match std::env::args().nth(1).as_deref() {
        None => run(settings).await,
        Some("check") => check(settings).await,
        Some(other) => Err(format!("unknown command `{other}`: only `check` is known").into()),
    }
}

async fn run(settings: Settings) -> Result<(), Box<dyn Error>> {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(false)
        .init();
    let old_service = std::env::var("OLD_SERVICE")
        .map_err(|_| "OLD_SERVICE is not set: the address of the service that answers what this one does not")?;
    let old_service = Client::builder().build(old_service)?;

    // Install the signal handlers first: process 1 ignores a signal that it has no handler for.
    let signals = signals::Signals::install()?;
    let (stop, stop_again) = signals.split();

    let listener = HostListener::bind((settings.host.as_str(), settings.port)).await?;
    for address in listener.local_addrs()? {
        info!("listening on {address}");
    }
    let ending = serve(listener, handlers::router(old_service))
        .with_graceful_shutdown(stop)
        .with_forced_shutdown(stop_again)
        .drain_timeout(DRAIN_TIMEOUT)
        .await;
    match ending {
        ShutdownOutcome::Cut { connections } => warn!(connections, "stopped; some calls got no reply"),
        _ => info!("stopped"),
    }
    Ok(())
}

/// Calls the health handler of the service on this machine, at its configured address.
async fn check(settings: Settings) -> Result<(), Box<dyn Error>> {
    let client = Client::builder().timeout(CHECK_TIMEOUT).build(settings.own_address())?;
    Ok(client.check(handlers::HEALTH).await?)
}
