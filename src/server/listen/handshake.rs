//! Runs the handshake that a connection needs before it can be used: code of the listener, or of
//! the listener's user.

use std::{future::Future, io, net::SocketAddr, panic::AssertUnwindSafe, pin::Pin};

use futures_util::FutureExt;
use http::Extensions;
use tracing::{debug, error, field::display, warn};

use crate::{server::handler::panics, telemetry::LogThrottle};

/// A connection that can be used.
pub(in crate::server) struct Opened<IO> {
    pub(in crate::server) io: IO,
    pub(in crate::server) extensions: Extensions,
    /// The peer's address, if the handshake has found it out.
    pub(in crate::server) peer: Option<SocketAddr>,
}

pub(in crate::server) type Handshake<IO> = Pin<Box<dyn Future<Output = io::Result<Opened<IO>>> + Send>>;

/// Runs the handshake of a connection from `peer`. Returns `None` if it failed or panicked. That is
/// logged, limited by `throttle`, and ends this connection alone.
pub(in crate::server) async fn run<IO>(
    handshake: Handshake<IO>,
    peer: Option<SocketAddr>,
    throttle: &LogThrottle,
) -> Option<Opened<IO>> {
    match AssertUnwindSafe(handshake).catch_unwind().await {
        Ok(Ok(opened)) => return Some(opened),
        Ok(Err(error)) => log_failure(peer, &error, throttle),
        Err(panic) => {
            let (peer, panic) = (peer.map(display), panics::message(panic));
            if let Some(suppressed) = throttle.allow() {
                error!(peer, panic, suppressed, "the listener's handshake panicked");
            }
        }
    }
    None
}

/// Logs a failed handshake. Health checks connect and disconnect without sending anything, so those
/// are logged at debug level.
fn log_failure(peer: Option<SocketAddr>, error: &io::Error, throttle: &LogThrottle) {
    use io::ErrorKind::{BrokenPipe, ConnectionReset, UnexpectedEof};
    let peer = peer.map(display);
    match error.kind() {
        BrokenPipe | ConnectionReset | UnexpectedEof => debug!(peer, %error, "the caller left during the handshake"),
        _ => {
            if let Some(suppressed) = throttle.allow() {
                warn!(peer, %error, suppressed, "the handshake failed");
            }
        }
    }
}
