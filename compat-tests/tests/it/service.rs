//! Our conformance service in this process, on any listener.

use nest_wire::{
    connection::Config,
    server::{Accept, Ending, Listener, serve},
};
use tokio::task::JoinHandle;

use crate::handlers;

/// It runs until this is dropped.
#[derive(Debug)]
pub(crate) struct Served(JoinHandle<Ending>);

impl Served {
    pub(crate) fn start(listener: impl Accept, config: Config) -> Self {
        let router = handlers::router().expect("patterns are JSON");
        Self(tokio::spawn(serve(listener, router).connection(config).into_future()))
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A free port, and the listener that has it.
pub(crate) async fn listener() -> (Listener, u16) {
    let listener = Listener::bind("127.0.0.1:0").await.expect("a free port");
    let port = listener.local_addrs().expect("bound")[0].port();
    (listener, port)
}
