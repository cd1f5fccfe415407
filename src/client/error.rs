//! Why a call fails, and why a connection ends.

use std::{error::Error, sync::Arc};

use crate::{
    client::{ConnectError, TimeoutError},
    connection::ConnectionError,
    packet::{NoHandler, RpcError},
    pattern::Pattern,
};

/// Why a call failed.
///
/// To blame are the service ([`Rpc`](Self::Rpc), [`NoValue`](Self::NoValue),
/// [`Decode`](Self::Decode), [`Stopping`](Self::Stopping)), the network
/// ([`Connect`](Self::Connect), [`ConnectionClosed`](Self::ConnectionClosed),
/// [`Timeout`](Self::Timeout)) or the caller ([`MissingData`](Self::MissingData),
/// [`MissingPattern`](Self::MissingPattern), [`Encode`](Self::Encode),
/// [`Unframeable`](Self::Unframeable), [`StreamOverflow`](Self::StreamOverflow),
/// [`Overloaded`](Self::Overloaded), [`Closed`](Self::Closed)).
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// The service answered with an error, a missing handler included.
    #[error("{}", answered(.0))]
    Rpc(RpcError),
    /// The service completed the call without a value, that is with undefined, and the expected
    /// type has no such.
    #[error("the service answered without a value")]
    NoValue,
    /// The value is not of the expected type.
    #[error("the answer is not of the expected type")]
    Decode(#[source] Arc<dyn Error + Send + Sync>),
    /// The client could not connect.
    #[error(transparent)]
    Connect(ConnectError),
    /// The connection ended before the answer came. The service may or may not have done its work.
    #[error("Connection closed")]
    ConnectionClosed(#[source] DisconnectReason),
    /// No answer came in time. The service may or may not have done its work.
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
    /// connection goes on.
    #[error("the packet cannot be framed")]
    Unframeable(#[source] Arc<dyn Error + Send + Sync>),
    /// The service stops and has done nothing for the call. The client sends requests and streams
    /// again a few times, on other connections, before they fail with this.
    ///
    /// It is recognised by its error, `{"status":"error","message":"the service is stopping"}`. A
    /// service that passes that on from another service, after it has done something for its own
    /// caller, has the call made again: pass on another error. (Here, `?` makes an internal error
    /// of it.)
    #[error("the service is stopping")]
    Stopping,
    /// More than this many bytes of a stream's values waited to be taken
    /// ([`ClientBuilder::max_stream_buffer`](crate::client::ClientBuilder::max_stream_buffer)), and
    /// other calls waited for the connection. The values up to then were given.
    #[error("more than {0} bytes of the stream wait to be taken")]
    StreamOverflow(usize),
    /// As many calls as [`ClientBuilder`](crate::client::ClientBuilder) allows are under way, and
    /// this one was [not to wait](crate::client::OverloadPolicy::Fail).
    #[error("too many calls are under way")]
    Overloaded,
    /// The client has been [closed](crate::client::Client::close).
    #[error("the client is closed")]
    Closed,
}

impl CallError {
    /// Returns true if the call's time was over: [`Timeout`](Self::Timeout). A connection that
    /// could not be made in time is a failure to [connect](Self::is_connect).
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

    /// Returns true if the service answered that it has no handler for the pattern, in Nest's own
    /// words.
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

    /// Returns true if the service can't have seen anything of the call, so that making it again
    /// repeats nothing.
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

    /// Adds the pattern of the call where the error names it.
    #[cold]
    pub(super) fn of_call(self, pattern: &Pattern) -> Self {
        match self {
            Self::Timeout(error) => Self::Timeout(error.of_call(pattern.to_json())),
            Self::Rpc(error) if error.is_no_handler() => Self::Rpc(error.with_cause(NoHandler(pattern.to_json()))),
            other => other,
        }
    }
}

/// Says that the service answered with `error`, or for which pattern it has no handler.
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
    /// The service closed it, between two packets.
    #[error("the service closed the connection")]
    ByPeer,
    /// The service closed it in the middle of a packet.
    #[error("the service closed the connection in the middle of a packet")]
    InsideFrame,
    /// The service said that it stops, and takes no more calls on this connection.
    #[error("the service is stopping")]
    Stopping,
    /// It broke, or we cut it.
    #[error("the connection failed")]
    Failed(#[source] Arc<ConnectionError>),
    /// We closed it: [`Client::close`](crate::client::Client::close) was called, or the last handle
    /// is gone. A call that fails with this was not answered within
    /// [`ClientBuilder::drain_timeout`](crate::client::ClientBuilder::drain_timeout).
    #[error("the client has closed the connection")]
    Closed,
    /// The runtime that the client's task ran on has stopped.
    #[error("the client's task has stopped")]
    Stopped,
}
