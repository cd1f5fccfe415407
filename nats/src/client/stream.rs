//! The values of a call as a stream.

use std::{
    fmt,
    future::Future,
    marker::PhantomData,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use futures_util::Stream;
use nest_wire::packet::RawJson;
use serde::de::DeserializeOwned;
use tokio::time::{Sleep, sleep};

use crate::{
    CallError,
    client::{
        decode,
        replies::{Replies, Value},
    },
};

/// The values of one call, as they come; see [`Client::send_stream`](crate::Client::send_stream).
///
/// An error is the stream's last item. Dropping the stream ends the call for the client only: the
/// service is not informed, because Nest has no packet for that.
#[must_use = "a stream does nothing unless it is polled"]
pub struct ReplyStream<T> {
    replies: Option<Replies>,
    timeout: Duration,
    /// Fires if no value comes within the timeout.
    timer: Pin<Box<Sleep>>,
    item: PhantomData<fn() -> T>,
}

impl<T: DeserializeOwned> ReplyStream<T> {
    pub(crate) fn new(replies: Replies, timeout: Duration) -> Self {
        Self {
            replies: Some(replies),
            timeout,
            timer: Box::pin(sleep(timeout)),
            item: PhantomData,
        }
    }

    fn end(&mut self, error: CallError) -> Poll<Option<Result<T, CallError>>> {
        self.replies = None;
        Poll::Ready(Some(Err(error)))
    }

    /// Returns the item for a value. A value that does not fit ends the stream.
    fn item(&mut self, value: Option<&RawJson>) -> Poll<Option<Result<T, CallError>>> {
        match decode(value) {
            Ok(value) => Poll::Ready(Some(Ok(value))),
            Err(error) => self.end(error),
        }
    }
}

impl<T: DeserializeOwned> Stream for ReplyStream<T> {
    type Item = Result<T, CallError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        let Some(replies) = &mut this.replies else {
            return Poll::Ready(None);
        };
        let Poll::Ready(value) = replies.poll_value(cx) else {
            ready!(this.timer.as_mut().poll(cx));
            let timeout = this.timeout;
            return this.end(CallError::Timeout(timeout));
        };
        match value {
            Ok(Value::More(value)) => {
                this.timer.set(sleep(this.timeout));
                this.item(value.as_ref())
            }
            Ok(Value::Last(value)) => {
                this.replies = None;
                match value {
                    Some(value) => this.item(Some(&value)),
                    None => Poll::Ready(None),
                }
            }
            Err(error) => this.end(error),
        }
    }
}

impl<T> fmt::Debug for ReplyStream<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReplyStream")
            .field("is_over", &self.replies.is_none())
            .finish_non_exhaustive()
    }
}
