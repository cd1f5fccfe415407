//! Streams whose items have a type.

use std::{fmt, marker::PhantomData};

use futures_util::Stream;
use serde::Serialize;

use crate::server::{
    Reply, ReplyStream,
    reply::{IntoReply, IntoRpcError},
};

/// A [`ReplyStream`] whose item type the compiler checks, for contracts.
///
/// ```
/// use futures_util::stream;
/// use nest_wire::{contract::Message, server::{Payload, Router, reply::ReplyStreamOf}};
///
/// const COUNT: Message<u32, u32> = Message::new("count");
///
/// async fn count(Payload(end): Payload<u32>) -> ReplyStreamOf<u32> {
///     ReplyStreamOf::new(stream::iter(1..=end))
/// }
///
/// let router: Router = Router::new().handle_message(COUNT, count);
/// ```
pub struct ReplyStreamOf<T> {
    values: ReplyStream,
    item: PhantomData<fn() -> T>,
}

impl<T: Serialize> ReplyStreamOf<T> {
    /// Makes a reply of a stream that can't fail. Returns the reply stream. Its values are those
    /// that `JSON.stringify` could write.
    pub fn new<S>(values: S) -> Self
    where
        S: Stream<Item = T> + Send + 'static,
    {
        Self {
            values: ReplyStream::new(values),
            item: PhantomData,
        }
    }

    /// Makes a reply of a stream that may end with an error. Returns the reply stream. Values after
    /// the first error are not sent.
    pub fn fallible<S, E>(values: S) -> Self
    where
        S: Stream<Item = Result<T, E>> + Send + 'static,
        E: IntoRpcError,
    {
        Self {
            values: ReplyStream::fallible(values),
            item: PhantomData,
        }
    }
}

impl<T> IntoReply for ReplyStreamOf<T> {
    fn into_reply(self) -> Reply {
        Reply::Stream(self.values)
    }
}

impl<T> fmt::Debug for ReplyStreamOf<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ReplyStreamOf(..)")
    }
}
