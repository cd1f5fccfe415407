//! The tracing span of one connection.

use std::net::SocketAddr;

use tracing::{Span, debug_span};

/// Adds the peer to a connection's span that was created without one.
pub(in crate::server) fn record_peer(span: &Span, peer: Option<SocketAddr>) {
    if let Some(peer) = peer {
        span.record("network.transport", "tcp");
        span.record("network.peer.address", tracing::field::display(peer.ip()));
        span.record("network.peer.port", peer.port());
    }
}

/// Returns the span of one connection, for all its log messages.
pub(in crate::server) fn connection_span(peer: Option<SocketAddr>) -> Span {
    debug_span!(
        "connection",
        messaging.system = "nestjs",
        network.transport = peer.map(|_| "tcp"),
        network.peer.address = peer.map(|peer| tracing::field::display(peer.ip())),
        network.peer.port = peer.map(|peer| peer.port()),
    )
}
