//! Warnings about handlers that never run.

use tracing::field::display;

use crate::{
    compat::Compat,
    pattern::{IncomingPattern, Pattern},
};

/// Logs a warning if calls to `pattern` do not look up the route that its handler is registered
/// under (`docs/PROTOCOL.md` §5.3). A service turns each pattern into text and reads that text as
/// JSON, so calls to the text `1.50` look up the number 1.5.
pub(in crate::server) fn warn_if_unreachable(pattern: &Pattern, compat: Compat) {
    let json = pattern.to_json();
    let Ok(incoming) = IncomingPattern::read(&json, compat) else {
        return;
    };
    if incoming.route() == Some(&pattern.route(compat)) {
        return;
    }
    let read_as = incoming.route().map(|route| display(route.to_json()));
    tracing::warn!(
        pattern = %json,
        read_as,
        "no call to this pattern reaches its handler: services read the pattern as another one"
    );
}
