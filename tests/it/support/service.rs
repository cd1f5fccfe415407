//! Our server on one end of a link, a scripted peer on the other.

use nest_wire::{
    connection::{ConnectionError, TransportConfig},
    server::{Router, serve_connection},
};
use tokio::io::duplex;

use super::Peer;

/// What the link in memory holds before writers wait, in bytes, if a test does not care.
const ROOMY: usize = 256 * 1024;

/// Serves `router` to a peer that follows `script`. The peer is gone when its script ends; what the server makes of
/// all that is the result.
pub(crate) async fn converse(router: Router, script: impl AsyncFnOnce(Peer)) -> Result<(), ConnectionError> {
    converse_with(&TransportConfig::default(), router, script).await
}

/// As [`converse`], with other limits.
pub(crate) async fn converse_with(
    config: &TransportConfig,
    router: Router,
    script: impl AsyncFnOnce(Peer),
) -> Result<(), ConnectionError> {
    converse_over(ROOMY, config, router, script).await
}

/// As [`converse_with`], over a link that holds so many bytes in each direction.
pub(crate) async fn converse_over(
    capacity: usize,
    config: &TransportConfig,
    router: Router,
    script: impl AsyncFnOnce(Peer),
) -> Result<(), ConnectionError> {
    let (theirs, ours) = duplex(capacity);
    let config = config.clone();
    // A task of its own: whatever wakes the peer must not wake the server too, and hide that it forgot to be woken.
    let served = tokio::spawn(
        serve_connection(ours, router.into_routes())
            .transport(config)
            .into_future(),
    );
    script(Peer::new(theirs)).await;
    served.await.expect("no panic")
}
