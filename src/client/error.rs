//! Why a call fails.

use std::{io, sync::Arc, time::Duration};

use crate::{connection::ConnectionError, packet::RpcError};

/// Why a call failed.
///
/// To blame are the service ([`Rpc`](Self::Rpc), [`NoValue`](Self::NoValue), [`Decode`](Self::Decode)), the network
/// ([`Connect`](Self::Connect), [`ConnectionClosed`](Self::ConnectionClosed), [`Timeout`](Self::Timeout)) or the
/// caller ([`MissingData`](Self::MissingData), [`MissingPattern`](Self::MissingPattern), [`Encode`](Self::Encode)).
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// The service answered with an error, a missing handler included.
    #[error("the service answered with an error: {0}")]
    Rpc(RpcError),
    /// The service completed the call without a value, that is with undefined, and the expected type has no such.
    #[error("the service answered without a value")]
    NoValue,
    /// The value is not of the expected type.
    #[error("the answer is not of the expected type")]
    Decode(#[source] Arc<serde_json::Error>),
    /// There is no connection to be had.
    #[error("cannot connect")]
    Connect(#[source] Arc<io::Error>),
    /// The connection ended before the answer came. The service may or may not have done its work.
    #[error("Connection closed")]
    ConnectionClosed(#[source] Disconnected),
    /// No answer came in time. The service may or may not have done its work.
    #[error("no answer within {0:?}")]
    Timeout(Duration),
    /// The data is `null`, which Nest's client refuses to send, or NaN or an infinity, which JSON writes as `null`.
    #[error("the data is missing: Nest sends no null")]
    MissingData,
    /// The pattern is `null`, which Nest's client refuses to send.
    #[error("the pattern is missing: Nest sends no null")]
    MissingPattern,
    /// The data can't be serialised.
    #[error("the data cannot be serialised")]
    Encode(#[source] Arc<serde_json::Error>),
}

/// Why a connection ended.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Disconnected {
    /// The service closed it, between two packets.
    #[error("the service closed the connection")]
    ByPeer,
    /// The service closed it in the middle of a packet.
    #[error("the service closed the connection in the middle of a packet")]
    InsideFrame,
    /// It broke, or we cut it.
    #[error("the connection failed")]
    Failed(#[source] Arc<ConnectionError>),
    /// The runtime that the client's task ran on has stopped.
    #[error("the client's task has stopped")]
    Stopped,
}
