//! A call's values as a stream.

use std::{
    fmt,
    marker::PhantomData,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use futures_util::Stream;
use serde::de::DeserializeOwned;

use super::{CallError, guard::Guard, members::Members, watch::Watch};
use crate::packet::RawJson;

/// The values of one call, as they come; see [`Client::send_stream`](super::Client::send_stream).
///
/// The first error is the last item. Dropping the stream forgets the call; the service is not told, for Nest has no
/// packet for that. Values wait in memory until they are taken.
#[must_use = "a stream does nothing unless it is polled"]
pub struct Replies<T> {
    /// Keeps the link alive as long as somebody listens.
    guard: Guard<Arc<Members>>,
    watch: Watch,
    is_over: bool,
    item: PhantomData<fn() -> T>,
}

impl<T> Replies<T> {
    pub(super) fn new(guard: Guard<Arc<Members>>, watch: Watch) -> Self {
        Self {
            guard,
            watch,
            is_over: false,
            item: PhantomData,
        }
    }
}

impl<T: DeserializeOwned> Stream for Replies<T> {
    type Item = Result<T, CallError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.is_over {
            return Poll::Ready(None);
        }
        let next = ready!(self.guard.poll_next(cx));
        match &next {
            Some(value) => self.guard.learn(false, value),
            None => self.guard.learn(false, &Ok(None)),
        }
        let item = next.map(|value| value.and_then(|value| decode(value.as_ref())));
        match &item {
            Some(Ok(_)) => {}
            Some(Err(error)) => self.watch.failed(error),
            None => self.watch.succeeded(),
        }
        self.is_over = !matches!(item, Some(Ok(_)));
        Poll::Ready(item)
    }
}

impl<T> fmt::Debug for Replies<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Replies")
            .field("call", &self.guard.id())
            .finish_non_exhaustive()
    }
}

/// Decodes a value; undefined (`None`) is what `null` is for types that have it: `()` and `Option`.
pub(super) fn decode<T: DeserializeOwned>(value: Option<&RawJson>) -> Result<T, CallError> {
    match value {
        Some(value) => value.parse().map_err(|error| CallError::Decode(Arc::new(error))),
        None => RawJson::null().parse().map_err(|_| CallError::NoValue),
    }
}
