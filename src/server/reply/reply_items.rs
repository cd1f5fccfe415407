//! A reply as the packets that are sent.

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll},
};

use futures_util::Stream;

use crate::server::{
    Reply,
    reply::{IntoReply, ReplyItem},
};

/// A reply as a stream of its packets, each of which is sent as it is: for services that pass on
/// what another one replies. [`ReplyStream`](crate::server::ReplyStream) is the reply of a handler
/// that has values.
///
/// Items after one that [is the last](ReplyItem::is_last) are not sent. If the stream ends without
/// one, a completion is sent. While the peer does not read, the stream is not polled.
///
/// ```
/// use futures_util::stream;
/// use nest_wire::{json::Maybe, packet::RawJson, server::{Router, reply::{ReplyItem, ReplyItems}}};
///
/// async fn one() -> ReplyItems {
///     let value = RawJson::from_value(&1).expect("a number");
///     ReplyItems::new(stream::iter([ReplyItem::Value(Maybe::Value(value)), ReplyItem::Completion]))
/// }
///
/// let router: Router = Router::new().message("one", one);
/// ```
pub struct ReplyItems(pub(in crate::server) Pin<Box<dyn Stream<Item = ReplyItem> + Send>>);

impl ReplyItems {
    /// Makes a reply of its packets.
    pub fn new(items: impl Stream<Item = ReplyItem> + Send + 'static) -> Self {
        Self(Box::pin(items))
    }
}

impl Stream for ReplyItems {
    type Item = ReplyItem;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<ReplyItem>> {
        self.0.as_mut().poll_next(cx)
    }
}

impl IntoReply for ReplyItems {
    fn into_reply(self) -> Reply {
        Reply::Items(self)
    }
}

impl fmt::Debug for ReplyItems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ReplyItems(..)")
    }
}
