//! The values of a call as a stream.

use std::{
    fmt,
    marker::PhantomData,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use futures_util::Stream;
use serde::de::DeserializeOwned;
use tokio::task::coop::poll_proceed;

use crate::{
    client::{CallError, call::trace::CallTrace, handle::stream_source::Source},
    json,
    packet::RawJson,
    pattern::Pattern,
};

/// The values of one call, as they come; see
/// [`Client::send_stream`](crate::client::Client::send_stream).
///
/// An error is the stream's last item. Dropping the stream ends the call for the client only: the
/// service is not informed, because Nest has no packet for that.
///
/// Values wait in memory until they are taken, up to
/// [`ClientBuilder::max_stream_buffer`](crate::client::ClientBuilder::max_stream_buffer). Above
/// that limit the connection is not read, so that the service has to wait, as long as no other call
/// waits for a reply on the connection. As soon as another call waits, a further value ends the
/// stream with [`CallError::StreamOverflow`], after the values before it.
#[must_use = "a stream does nothing unless it is polled"]
pub struct ReplyStream<T> {
    /// The pattern that errors name.
    pattern: Pattern,
    source: Source,
    watch: CallTrace,
    is_over: bool,
    item: PhantomData<fn() -> T>,
}

impl<T> ReplyStream<T> {
    pub(in crate::client) fn new(pattern: Pattern, source: Source, watch: CallTrace) -> Self {
        Self {
            pattern,
            source,
            watch,
            is_over: false,
            item: PhantomData,
        }
    }
}

impl<T: DeserializeOwned> Stream for ReplyStream<T> {
    type Item = Result<T, CallError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.is_over {
            return Poll::Ready(None);
        }
        // A stream that always has more values must not starve the other futures of its task.
        let turn = ready!(poll_proceed(cx));
        let Self { source, watch, .. } = &mut *self;
        let next = ready!(source.poll_next(watch, cx));
        turn.made_progress();
        let item = next.map(|value| {
            let value = value.map_err(|error| error.of_call(&self.pattern))?;
            decode(value.as_ref())
        });
        match &item {
            Some(Ok(_)) => {}
            Some(Err(error)) => self.watch.failed(error),
            None => self.watch.succeeded(),
        }
        if !matches!(item, Some(Ok(_))) {
            self.is_over = true;
            self.source.end();
        }
        Poll::Ready(item)
    }
}

impl<T> fmt::Debug for ReplyStream<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReplyStream")
            .field("call", &self.source.id())
            .finish_non_exhaustive()
    }
}

/// Decodes a value and returns it. Undefined (`None`) is a value of `()`, `Option` and `Maybe`
/// only.
pub(in crate::client) fn decode<T: DeserializeOwned>(value: Option<&RawJson>) -> Result<T, CallError> {
    match value {
        Some(value) => value.parse().map_err(|error| CallError::Decode(Arc::new(error))),
        None => json::from_undefined().ok_or(CallError::NoValue),
    }
}
