//! SIGTERM and SIGINT: the first one stops the service, the second one ends the wait for calls in
//! flight.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::info;

/// The handlers of both signals. While they live, the signals do not end the process.
pub struct Signals {
    stop: [Signal; 2],
    stop_again: [Signal; 2],
}

impl Signals {
    /// Installs the handlers.
    ///
    /// # Errors
    /// Fails if the system does not allow it.
    pub fn install() -> io::Result<Self> {
        let both = || io::Result::Ok([signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?]);
        Ok(Self {
            stop: both()?,
            stop_again: both()?,
        })
    }

    /// Returns a future for the first signal and one for the second.
    pub fn split(self) -> (impl Future<Output = ()> + Send, impl Future<Output = ()> + Send) {
        let Self {
            mut stop,
            mut stop_again,
        } = self;
        let first = async move {
            received(&mut stop).await;
            info!("draining");
        };
        let second = async move {
            received(&mut stop_again).await;
            received(&mut stop_again).await;
        };
        (first, second)
    }
}

async fn received([terminate, interrupt]: &mut [Signal; 2]) {
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}
