//! Why a call fails.

use std::{error::Error, sync::Arc, time::Duration};

use nest_wire::packet::RpcError;

use crate::InvalidSubject;

/// Why a call failed.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// The service replied with an error.
    #[error("the service answered with an error: {0}")]
    Rpc(RpcError),
    /// The service completed the call without a value, that is with undefined, and the expected type
    /// cannot represent undefined.
    #[error("the service answered without a value")]
    NoValue,
    /// The value is not of the expected type.
    #[error("the answer is not of the expected type")]
    Decode(#[source] Arc<dyn Error + Send + Sync>),
    /// No service subscribes to the subject. The server reports it at once, unless somebody else
    /// subscribes to everything (`>`): then the call times out.
    #[error("nobody subscribes to {0}")]
    NoResponders(String),
    /// No reply came within the timeout. A service may or may not have handled the call.
    #[error("no answer within {0:?}")]
    Timeout(Duration),
    /// The pattern cannot be a subject.
    #[error(transparent)]
    InvalidSubject(InvalidSubject),
    /// The packet exceeds the server's maximum payload. Both sizes are in bytes.
    #[error("the packet has {size} bytes, NATS takes {max}")]
    TooLarge {
        /// Size of the packet and its headers.
        size: usize,
        /// The server's maximum.
        max: usize,
    },
    /// The data is `null`, which Nest's client refuses to send.
    #[error("the data is missing: Nest sends no null")]
    MissingData,
    /// The pattern is `null`, which Nest's client refuses to send.
    #[error("the pattern is missing: Nest sends no null")]
    MissingPattern,
    /// The data or the metadata can't be serialised.
    #[error("the data cannot be serialised")]
    Encode(#[source] Arc<dyn Error + Send + Sync>),
    /// A reply is not JSON.
    #[error("a reply is not JSON")]
    Malformed(#[source] Arc<dyn Error + Send + Sync>),
    /// More than this many bytes of a stream's values waited to be taken. The values before come
    /// first.
    #[error("more than {0} bytes of the stream wait to be taken")]
    StreamOverflow(usize),
    /// The connection to NATS is closed for good.
    #[error("the connection to NATS is closed")]
    Closed,
}

impl CallError {
    /// Returns the error that the service replied with, if it replied with one.
    #[must_use]
    pub const fn as_rpc(&self) -> Option<&RpcError> {
        match self {
            Self::Rpc(error) => Some(error),
            _ => None,
        }
    }

    /// Returns true if the call exceeded its timeout.
    #[must_use]
    pub const fn is_timeout(&self) -> bool {
        matches!(self, Self::Timeout(_))
    }

    /// Returns true if no service has seen the call, so that it can be made again without doing
    /// anything twice.
    #[must_use]
    pub const fn is_unsent(&self) -> bool {
        matches!(
            self,
            Self::NoResponders(_)
                | Self::InvalidSubject(_)
                | Self::TooLarge { .. }
                | Self::MissingData
                | Self::MissingPattern
                | Self::Encode(_)
        )
    }

    pub(crate) fn encode(error: impl Error + Send + Sync + 'static) -> Self {
        Self::Encode(Arc::new(error))
    }
}
