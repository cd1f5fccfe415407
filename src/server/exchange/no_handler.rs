//! The log of requests that nothing handles.

use tracing::{debug, field::display, warn};

use crate::{
    server::{RequestKind, exchange::log_context::LogContext},
    telemetry::LogThrottle,
};

/// Logs that nothing handles a request. A message's caller receives an error, so only a lost event
/// is a warning.
pub(in crate::server) fn report(kind: RequestKind, origin: LogContext<'_>, throttle: &LogThrottle) {
    let (pattern, peer) = (origin.pattern(), origin.peer.map(display));
    match kind {
        RequestKind::Message => debug!(pattern, peer, "no handler for this message"),
        RequestKind::Event => {
            if let Some(suppressed) = throttle.allow() {
                warn!(pattern, peer, suppressed, "no handler for this event");
            }
        }
    }
}
