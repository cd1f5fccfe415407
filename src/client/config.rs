//! What a client waits for, and its link's limits.

use std::time::Duration;

use crate::{compat::Compat, connection};

/// How a client behaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// How long a call may take, connecting included; for a stream, how long each further value may.
    ///
    /// Raise it for slow handlers, or override it for one call with
    /// [`Client::with_timeout`](super::Client::with_timeout). Default: 30 seconds. (Nest waits for ever.)
    pub timeout: Duration,
    /// How long connecting may take before every call that waits for it fails. Default: 10 seconds.
    pub connect_timeout: Duration,
    /// The limits of the link.
    pub connection: connection::Config,
    /// Which major of Nest to call like. Default: the newest.
    pub compat: Compat,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(30),
            connect_timeout: Duration::from_secs(10),
            connection: connection::Config::default(),
            compat: Compat::default(),
        }
    }
}
