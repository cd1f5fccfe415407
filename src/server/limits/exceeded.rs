//! The error for a caller that exceeds a limit.

use bytestring::ByteString;

use crate::packet::RawJson;

/// The limit that was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::server) enum LimitExceeded {
    Connections,
    ConnectionsPerPeer,
    InFlight,
    InFlightPerConnection,
    /// The service stops or this connection is about to close: the request was not handled.
    Stopping,
}

impl LimitExceeded {
    /// Returns the `err` of the reply. It is a static text, because there may be many refusals.
    pub(in crate::server) fn err(self) -> RawJson {
        RawJson::trusted(ByteString::from_static(match self {
            Self::Connections => r#"{"status":"error","message":"too many connections"}"#,
            Self::ConnectionsPerPeer => r#"{"status":"error","message":"too many connections from this address"}"#,
            Self::InFlight => r#"{"status":"error","message":"too many requests in flight"}"#,
            Self::InFlightPerConnection => {
                r#"{"status":"error","message":"too many requests in flight on this connection"}"#
            }
            Self::Stopping => r#"{"status":"error","message":"the service is stopping"}"#,
        }))
    }
}
