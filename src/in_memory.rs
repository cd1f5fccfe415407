//! A client and a router in one process, without a socket: for tests, and for services in the same
//! process.
//!
//! Everything that a connection does is done: packets are written and read, but their bytes stay in
//! memory.

use std::{future::ready, io, sync::Arc};

use tokio::io::duplex;

use crate::{
    client::{Client, Target},
    server::{IntoRoutes, serve_connection},
};

/// Maximum number of bytes that each direction of a connection holds before its writer waits.
const CAPACITY: usize = 64 * 1024;

/// Returns a client with connections that `router` serves in memory. Tokio's time may be paused.
///
/// ```
/// use nest_wire::{in_memory, server::{Payload, Router}};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), nest_wire::client::CallError> {
/// let sum = async |Payload(numbers): Payload<Vec<f64>>| numbers.iter().sum::<f64>();
/// let client = in_memory::client(Router::new().message("sum", sum));
/// let total: f64 = client.send("sum", &[1, 2, 3]).await?;
/// assert_eq!(total, 6.0);
/// # Ok(()) }
/// ```
#[must_use]
pub fn client(router: impl IntoRoutes) -> Client {
    let client = Client::builder().build(target(router));
    client.expect("a connector needs no address")
}

/// Returns the target from which a [`ClientBuilder`](crate::client::ClientBuilder) builds such a
/// client with other timeouts and limits.
///
/// ```
/// use std::time::Duration;
/// use nest_wire::{client::Client, in_memory, server::Router};
///
/// let router = Router::new().message("ping", async || "pong");
/// let client = Client::builder().timeout(Duration::from_secs(1)).build(in_memory::target(router))?;
/// # Ok::<(), nest_wire::client::BuildError>(())
/// ```
#[must_use]
pub fn target(router: impl IntoRoutes) -> Target {
    let routes = router.into_routes();
    Target::connector(move || {
        let (ours, theirs) = duplex(CAPACITY);
        tokio::spawn(serve_connection(theirs, Arc::clone(&routes)).into_future());
        ready(io::Result::Ok(ours))
    })
}
