//! Panics of handlers.

use tracing::field::display;

use crate::{
    packet::RpcError,
    server::{exchange::log_context::LogContext, handler::panics},
};

/// Logs a panic. Returns the error reply.
pub(in crate::server) fn panicked(panic: panics::Payload, origin: LogContext<'_>) -> RpcError {
    let (pattern, peer) = (origin.pattern(), origin.peer.map(display));
    let panic = panics::message(panic);
    tracing::error!(pattern, peer, panic, "the handler panicked");
    RpcError::internal_from(Panicked)
}

/// The cause of the error reply after a panic.
#[derive(Debug, thiserror::Error)]
#[error("the handler panicked")]
pub(in crate::server) struct Panicked;
