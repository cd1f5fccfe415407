//! The number of times a call is sent again.

/// Maximum number of times a call is sent again after a stopping service refused it: as many as
/// hosts of one service are likely to stop at the same time.
pub(in crate::client) const RETRIES: usize = 3;
