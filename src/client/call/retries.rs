//! How often a call is sent again.

/// How often a call is sent again that a service refused because it stops: as often as hosts of one
/// service are likely to stop at the same time.
pub(in crate::client) const RETRIES: usize = 3;
