//! Our conformance service in this process, on any listener.

use nest_wire::{
    connection::TransportConfig,
    server::{HostListener, ShutdownOutcome, listen::Listener, serve},
};
use tokio::task::JoinHandle;

use crate::handlers;

/// The service. It runs until this value is dropped.
#[derive(Debug)]
pub(crate) struct Served(JoinHandle<ShutdownOutcome>);

impl Served {
    pub(crate) fn start(listener: impl Listener, config: TransportConfig) -> Self {
        let router = handlers::router().expect("patterns are JSON");
        Self(tokio::spawn(serve(listener, router).transport(config).into_future()))
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Returns a listener on a free port, and the port.
pub(crate) async fn listener() -> (HostListener, u16) {
    let listener = HostListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = listener.local_addrs().expect("bound")[0].port();
    (listener, port)
}
