//! The replies of handlers.

pub(in crate::server) mod into_reply;
pub(in crate::server) mod into_rpc_error;
pub(in crate::server) mod reply_item;
pub(in crate::server) mod reply_items;
pub(in crate::server) mod reply_stream_of;
pub(in crate::server) mod serialized;

pub use into_reply::IntoReply;
pub use into_rpc_error::IntoRpcError;
pub use reply_item::ReplyItem;
pub use reply_items::ReplyItems;
pub use reply_stream_of::ReplyStreamOf;

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll},
};

use futures_util::{Stream, StreamExt};
use serde::Serialize;

use crate::{
    json::{self, Maybe},
    packet::{RawJson, RpcError},
};

pub(super) type BoxValues = Pin<Box<dyn Stream<Item = Result<Maybe<RawJson>, RpcError>> + Send>>;

/// A handler's reply, ready to be written.
#[non_exhaustive]
pub enum Reply {
    /// JavaScript's undefined: the call completes without a value.
    Undefined,
    /// One value.
    Value(RawJson),
    /// Any number of values, sent as they come.
    Stream(ReplyStream),
    /// The packets of a reply, sent as they are.
    Items(ReplyItems),
    /// A failure.
    Error(RpcError),
}

impl Reply {
    /// Serialises `value`. Returns a reply of one value, of undefined for [`Maybe::Undefined`], or
    /// of "Internal server error" if the value can't be serialised.
    pub fn value<T: Serialize + ?Sized>(value: &T) -> Self {
        match value_of(value) {
            Ok(Maybe::Value(value)) => Self::Value(value),
            Ok(Maybe::Undefined) => Self::Undefined,
            Err(error) => Self::Error(error),
        }
    }
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Undefined => f.write_str("Undefined"),
            Self::Value(value) => f.debug_tuple("Value").field(value).finish(),
            Self::Stream(_) => f.write_str("Stream(..)"),
            Self::Items(_) => f.write_str("Items(..)"),
            Self::Error(error) => f.debug_tuple("Error").field(error).finish(),
        }
    }
}

/// Returns the value as JSON, or `Undefined` as it is.
fn value_of<T: Serialize + ?Sized>(value: &T) -> Result<Maybe<RawJson>, RpcError> {
    let json = RawJson::from_value(value)?;
    let is_undefined = json.as_str() == "null" && json::is_undefined(value);
    Ok(if is_undefined {
        Maybe::Undefined
    } else {
        Maybe::Value(json)
    })
}

/// A stream of values as a reply, like an `Observable` in Nest.
///
/// Values are sent as they come. The stream's end is sent with the last value if it is known by
/// then, otherwise alone. While the peer does not read, the stream is not polled. When the
/// connection ends, the stream is dropped. An event gets no reply: its stream runs to its end for
/// its side effects, as in Nest.
///
/// [`Maybe::Undefined`] is a value too. Callers with Nest 11 and older take it for the end of the
/// stream.
///
/// ```
/// use futures_util::stream;
/// use nest_wire::server::{Router, ReplyStream};
///
/// async fn count() -> ReplyStream {
///     ReplyStream::new(stream::iter(1..=3))
/// }
///
/// let router: Router = Router::new().message("count", count);
/// ```
pub struct ReplyStream(pub(super) BoxValues);

impl ReplyStream {
    /// Makes a reply of a stream that can't fail. Returns the reply stream. Its values are those
    /// that `JSON.stringify` could write.
    pub fn new<S>(values: S) -> Self
    where
        S: Stream<Item: Serialize> + Send + 'static,
    {
        Self(Box::pin(values.map(|value| value_of(&value))))
    }

    /// Makes a reply of a stream that may end with an error. Returns the reply stream. Values after
    /// the first error are not sent.
    pub fn fallible<S, T, E>(values: S) -> Self
    where
        S: Stream<Item = Result<T, E>> + Send + 'static,
        T: Serialize,
        E: IntoRpcError,
    {
        Self(Box::pin(values.map(|value| match value {
            Ok(value) => value_of(&value),
            Err(error) => Err(error.into_rpc_error()),
        })))
    }
}

/// For layers that map or count the values of a reply, and put them into a new one with
/// [`ReplyStream::fallible`].
impl Stream for ReplyStream {
    type Item = Result<Maybe<RawJson>, RpcError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.as_mut().poll_next(cx)
    }
}

impl fmt::Debug for ReplyStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ReplyStream(..)")
    }
}
