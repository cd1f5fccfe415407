//! The values of a call as a stream.

use std::{
    fmt,
    marker::PhantomData,
    pin::Pin,
    task::{Context, Poll, ready},
};

use futures_util::Stream;
use nest_wire::packet::{ReplyOutcome, RpcError};
use serde::de::DeserializeOwned;

use crate::{
    CallError,
    client::{
        decode,
        replies::{Replies, Reply},
    },
};

/// The values of one call, as they come; see [`Client::send_stream`](crate::Client::send_stream).
///
/// An error is the stream's last item. Dropping the stream ends the call for the client only: the
/// service is not informed, because Nest has no packet for that.
#[must_use = "a stream does nothing unless it is polled"]
pub struct ReplyStream<T> {
    replies: Replies,
    item: PhantomData<fn() -> T>,
}

impl<T: DeserializeOwned> ReplyStream<T> {
    pub(crate) const fn new(replies: Replies) -> Self {
        Self {
            replies,
            item: PhantomData,
        }
    }
}

/// Returns the item for a reply; `None` for a completion without a value.
fn item<T: DeserializeOwned>(reply: Result<Reply, CallError>) -> Option<Result<T, CallError>> {
    match reply.map(|reply| reply.outcome) {
        Ok(ReplyOutcome::Value(value)) => Some(decode(value.as_ref())),
        Ok(ReplyOutcome::Completed(value)) => value.map(|value| decode(Some(&value))),
        Ok(ReplyOutcome::Failed(err)) => Some(Err(CallError::Rpc(RpcError::from_raw(err)))),
        Ok(_) => None,
        Err(error) => Some(Err(error)),
    }
}

impl<T: DeserializeOwned> Stream for ReplyStream<T> {
    type Item = Result<T, CallError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let item = ready!(self.replies.poll_next(cx)).and_then(item);
        if matches!(item, Some(Err(_))) {
            // A value that does not fit ends the stream too.
            self.replies.end();
        }
        Poll::Ready(item)
    }
}

impl<T> fmt::Debug for ReplyStream<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReplyStream")
            .field("is_over", &self.replies.is_over())
            .finish_non_exhaustive()
    }
}
