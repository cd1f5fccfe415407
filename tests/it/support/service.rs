//! Our server on one end of a connection, a scripted peer on the other.

use nest_wire::{
    connection::{ConnectionError, TransportConfig},
    server::{Router, serve_connection},
};
use tokio::io::duplex;

use super::Peer;

/// Default number of bytes that the connection in memory buffers before writers wait.
const ROOMY: usize = 256 * 1024;

/// Serves `router` to a peer that follows `script`. The peer disconnects when its script ends.
/// Returns the result of the server.
pub(crate) async fn converse(router: Router, script: impl AsyncFnOnce(Peer)) -> Result<(), ConnectionError> {
    converse_with(&TransportConfig::default(), router, script).await
}

/// Does the same as [`converse`], with another configuration.
pub(crate) async fn converse_with(
    config: &TransportConfig,
    router: Router,
    script: impl AsyncFnOnce(Peer),
) -> Result<(), ConnectionError> {
    converse_over(ROOMY, config, router, script).await
}

/// Does the same as [`converse_with`], over a connection that buffers this number of bytes in each
/// direction.
pub(crate) async fn converse_over(
    capacity: usize,
    config: &TransportConfig,
    router: Router,
    script: impl AsyncFnOnce(Peer),
) -> Result<(), ConnectionError> {
    let (theirs, ours) = duplex(capacity);
    let config = config.clone();
    // The server has a task of its own. Otherwise a wake-up of the peer could hide a missing
    // wake-up of the server.
    let served = tokio::spawn(
        serve_connection(ours, router.into_routes())
            .transport(config)
            .into_future(),
    );
    script(Peer::new(theirs)).await;
    served.await.expect("no panic")
}
