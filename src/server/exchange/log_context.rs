//! The pattern and the peer that a request's log messages name.

use std::{net::SocketAddr, sync::Arc};

use crate::{server::Request, telemetry::truncate_for_log};

/// The pattern and the peer of a request, borrowed for the log.
#[derive(Debug, Clone, Copy)]
pub(in crate::server) struct LogContext<'a> {
    pub(in crate::server) pattern: Option<&'a Arc<str>>,
    pub(in crate::server) peer: Option<SocketAddr>,
}

/// A [`LogContext`] that owns its values.
#[derive(Debug, Clone, Default)]
pub(in crate::server) struct OwnedLogContext {
    pattern: Option<Arc<str>>,
    peer: Option<SocketAddr>,
}

impl<'a> LogContext<'a> {
    pub(in crate::server) fn of(request: &'a Request) -> Self {
        Self {
            pattern: request.pattern.as_ref(),
            peer: request.peer,
        }
    }

    /// Returns the pattern, cut to a length suitable for the log.
    pub(in crate::server) fn pattern(self) -> Option<&'a str> {
        self.pattern.map(|pattern| truncate_for_log(pattern))
    }

    pub(in crate::server) fn kept(self) -> OwnedLogContext {
        OwnedLogContext {
            pattern: self.pattern.cloned(),
            peer: self.peer,
        }
    }
}

impl OwnedLogContext {
    pub(in crate::server) fn get(&self) -> LogContext<'_> {
        LogContext {
            pattern: self.pattern.as_ref(),
            peer: self.peer,
        }
    }
}
