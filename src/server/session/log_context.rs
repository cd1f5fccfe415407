//! The pattern and the peer that log messages of a request name.

use std::{net::SocketAddr, sync::Arc};

use crate::{server::Request, telemetry::excerpt};

/// What and who a request came for and from, for the log.
#[derive(Debug, Clone, Copy)]
pub(in crate::server) struct LogContext<'a> {
    pub(in crate::server) pattern: Option<&'a Arc<str>>,
    pub(in crate::server) peer: Option<SocketAddr>,
}

/// An [`LogContext`] for as long as the request lasts.
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

    /// The pattern as far as a log should hold it.
    pub(in crate::server) fn pattern(self) -> Option<&'a str> {
        self.pattern.map(|pattern| excerpt(pattern))
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
