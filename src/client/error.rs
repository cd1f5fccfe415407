//! Why a call fails, and why a connection ends.

use std::{error::Error, sync::Arc};

use crate::{
    client::{ConnectError, TimeoutError},
    connection::ConnectionError,
    packet::{NoHandler, RawJson, RpcError},
    pattern::Pattern,
};

/// The result of a call: a value, JavaScript's undefined (`None`), or an error.
pub(in crate::client) type Answer = Result<Option<RawJson>, CallError>;

/// Why a call failed.
///
/// The cause is the service ([`Rpc`](Self::Rpc), [`NoValue`](Self::NoValue),
/// [`Decode`](Self::Decode), [`Stopping`](Self::Stopping)), the network
/// ([`Connect`](Self::Connect), [`ConnectionClosed`](Self::ConnectionClosed),
/// [`Timeout`](Self::Timeout)) or the caller ([`MissingData`](Self::MissingData),
/// [`MissingPattern`](Self::MissingPattern), [`Encode`](Self::Encode),
/// [`Unframeable`](Self::Unframeable), [`StreamOverflow`](Self::StreamOverflow),
/// [`Overloaded`](Self::Overloaded), [`Closed`](Self::Closed)).
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// The service replied with an error, a missing handler included.
    #[error("{}", answered(.0))]
    Rpc(RpcError),
    /// The service completed the call without a value, that is with undefined, and the expected
    /// type cannot represent undefined.
    #[error("the service answered without a value")]
    NoValue,
    /// The value is not of the expected type.
    #[error("the answer is not of the expected type")]
    Decode(#[source] Arc<dyn Error + Send + Sync>),
    /// The client could not connect.
    #[error(transparent)]
    Connect(ConnectError),
    /// The connection ended before the reply came. The service may or may not have handled the
    /// call.
    #[error("Connection closed")]
    ConnectionClosed(#[source] DisconnectReason),
    /// No reply came within the timeout. The service may or may not have handled the call.
    #[error(transparent)]
    Timeout(TimeoutError),
    /// The data is `null`, which Nest's client refuses to send, or NaN or an infinity, which JSON
    /// writes as `null`.
    #[error("the data is missing: Nest sends no null")]
    MissingData,
    /// The pattern is `null`, which Nest's client refuses to send.
    #[error("the pattern is missing: Nest sends no null")]
    MissingPattern,
    /// The data can't be serialised.
    #[error("the data cannot be serialised")]
    Encode(#[source] Arc<dyn Error + Send + Sync>),
    /// The [`Framing`](crate::connection::Framing) in use could not write the packet. The
    /// connection stays open.
    #[error("the packet cannot be framed")]
    Unframeable(#[source] Arc<dyn Error + Send + Sync>),
    /// The service is stopping and has done nothing for the call. The client sends requests and
    /// streams again a few times, on other connections, before they fail with this error.
    ///
    /// The client recognises the refusal by its error, `{"status":"error","message":"the service is
    /// stopping"}`. A service that passes this error on from another service after it has already
    /// done work for its own caller causes the call to be made again: it should pass on another
    /// error. (In this crate, `?` turns it into an internal error.)
    #[error("the service is stopping")]
    Stopping,
    /// More than this many bytes of a stream's values waited to be taken
    /// ([`ClientBuilder::max_stream_buffer`](crate::client::ClientBuilder::max_stream_buffer))
    /// while other calls waited for the connection. The stream yields the values received before
    /// the overflow first.
    #[error("more than {0} bytes of the stream wait to be taken")]
    StreamOverflow(usize),
    /// The client has reached a limit that [`ClientBuilder`](crate::client::ClientBuilder) sets for
    /// its calls, and its policy is to [fail](crate::client::OverloadPolicy::Fail) instead of
    /// waiting.
    #[error("too many calls are under way")]
    Overloaded,
    /// The client has been [closed](crate::client::Client::close).
    #[error("the client is closed")]
    Closed,
}

impl CallError {
    /// Returns true if the call exceeded its timeout: [`Timeout`](Self::Timeout). An attempt to
    /// connect that exceeds its timeout is a failure to [connect](Self::is_connect).
    #[must_use]
    pub const fn is_timeout(&self) -> bool {
        matches!(self, Self::Timeout(_))
    }

    /// Returns true if the client could not connect: [`Connect`](Self::Connect).
    #[must_use]
    pub const fn is_connect(&self) -> bool {
        matches!(self, Self::Connect(_))
    }

    /// Returns the error that the service replied with, if it replied with one.
    ///
    /// ```
    /// use nest_wire::{client::CallError, packet::RpcError};
    ///
    /// let error = CallError::Rpc(RpcError::new("odd"));
    /// assert_eq!(error.as_rpc().and_then(RpcError::message).as_deref(), Some("odd"));
    /// assert!(CallError::Overloaded.as_rpc().is_none());
    /// ```
    #[must_use]
    pub const fn as_rpc(&self) -> Option<&RpcError> {
        match self {
            Self::Rpc(error) => Some(error),
            _ => None,
        }
    }

    /// Returns true if the service replied, in Nest's own words, that it has no handler for the
    /// pattern.
    ///
    /// ```
    /// # use nest_wire::{client::Client, server::{HostListener, Router, serve}};
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let listener = HostListener::bind("127.0.0.1:0").await?;
    /// # let address = listener.local_addrs()?[0].to_string();
    /// # tokio::spawn(serve(listener, Router::new()).into_future());
    /// let client = Client::new(address);
    /// let error = client.send::<u32>("no such pattern", &1).await.unwrap_err();
    /// assert!(error.is_no_handler());
    /// assert_eq!(error.to_string(), r#"the service has no handler for "no such pattern""#);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn is_no_handler(&self) -> bool {
        matches!(self, Self::Rpc(error) if error.is_no_handler())
    }

    /// Returns true if the service cannot have done anything for the call, so that making the call
    /// again repeats nothing.
    ///
    /// ```
    /// use nest_wire::client::{CallError, TimeoutError};
    ///
    /// assert!(CallError::Overloaded.is_unsent());
    /// let late = TimeoutError::new(std::time::Duration::from_secs(30));
    /// assert!(!CallError::Timeout(late).is_unsent());
    /// ```
    #[must_use]
    pub const fn is_unsent(&self) -> bool {
        match self {
            Self::Connect(_)
            | Self::MissingData
            | Self::MissingPattern
            | Self::Encode(_)
            | Self::Unframeable(_)
            | Self::Stopping
            | Self::Overloaded
            | Self::Closed => true,
            Self::Rpc(_)
            | Self::NoValue
            | Self::Decode(_)
            | Self::ConnectionClosed(_)
            | Self::Timeout(_)
            | Self::StreamOverflow(_) => false,
        }
    }

    /// Returns the error with the pattern of the call, if it is an error that names the pattern.
    #[cold]
    pub(super) fn of_call(self, pattern: &Pattern) -> Self {
        match self {
            Self::Timeout(error) => Self::Timeout(error.of_call(pattern.to_json())),
            Self::Rpc(error) if error.is_no_handler() => Self::Rpc(error.with_cause(NoHandler(pattern.to_json()))),
            other => other,
        }
    }
}

/// Returns the message for a reply that is an error: the pattern without a handler, or `error`.
fn answered(error: &RpcError) -> String {
    match error.cause().and_then(|cause| cause.downcast_ref::<NoHandler>()) {
        Some(no_handler) => no_handler.to_string(),
        None => format!("the service answered with an error: {error}"),
    }
}

/// Why there is no connection.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum DisconnectReason {
    /// Nothing has been sent yet.
    #[error("nothing has been sent yet")]
    NotYet,
    /// The last attempt to connect failed.
    #[error(transparent)]
    Unreachable(ConnectError),
    /// The service closed the connection between two packets.
    #[error("the service closed the connection")]
    ByPeer,
    /// The service closed the connection in the middle of a packet.
    #[error("the service closed the connection in the middle of a packet")]
    InsideFrame,
    /// The service announced that it is stopping, and takes no more calls on this connection.
    #[error("the service is stopping")]
    Stopping,
    /// The connection broke, or the client cut it.
    #[error("the connection failed")]
    Failed(#[source] Arc<ConnectionError>),
    /// The client closed the connection: [`Client::close`](crate::client::Client::close) was
    /// called, or the last handle was dropped. A call that fails with this reason had no reply
    /// within [`ClientBuilder::drain_timeout`](crate::client::ClientBuilder::drain_timeout).
    #[error("the client has closed the connection")]
    Closed,
    /// The runtime of the client's task has stopped.
    #[error("the client's task has stopped")]
    Stopped,
}
