//! The handlers of the service.
//!
//! Each pattern is forwarded to the old service until its handler is written: replace its line in
//! [`router`] by the one in the comment above it.

use nest_wire::{client::Client, forward::forward_to};
use nest_wire::server::SERVER;

use crate::OURS;

/// The pattern that probes send.
pub const HEALTH: &str = "health";

/// Returns the handlers of the service. Whatever has none is forwarded to `old_service`.
pub fn router(old_service: Client) -> Router {
    let old_service = forward_to(old_service);
    Router::new()
        // HEALTH
        // ROUTES
        .fallback(old_service)
}
