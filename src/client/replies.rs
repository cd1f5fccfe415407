//! A call's values as a stream.

use std::{
    fmt,
    marker::PhantomData,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use futures_util::Stream;
use serde::de::DeserializeOwned;
use tokio::{
    sync::mpsc,
    time::{Instant, Sleep, sleep},
};

use super::{
    CallError, Client, Disconnected,
    pending::{Answer, Pending},
};
use crate::packet::{CallId, RawJson};

/// Takes a call out of the table when its caller no longer waits. It exists before the request is on its way, so that
/// a caller who is dropped at any moment leaves nothing behind.
#[derive(Debug)]
pub(super) struct Forget {
    pub(super) pending: Pending,
    pub(super) id: CallId,
}

impl Drop for Forget {
    fn drop(&mut self) {
        self.pending.forget(self.id);
    }
}

/// The values of one call, as they come; see [`Client::send_stream`].
///
/// The first error is the last item. Dropping the stream forgets the call; the service is not told, for Nest has no
/// packet for that. Values wait in memory until they are taken.
#[must_use = "a stream does nothing unless it is polled"]
pub struct Replies<T> {
    // The order matters: the channel closes before the call is forgotten (see `Pending::enter`).
    values: mpsc::UnboundedReceiver<Option<Answer>>,
    _forget: Forget,
    /// Keeps the link alive as long as somebody listens.
    _client: Client,
    patience: Duration,
    timer: Pin<Box<Sleep>>,
    is_over: bool,
    item: PhantomData<fn() -> T>,
}

impl<T> Replies<T> {
    pub(super) fn new(
        client: Client,
        values: mpsc::UnboundedReceiver<Option<Answer>>,
        forget: Forget,
        patience: Duration,
    ) -> Self {
        Self {
            values,
            _forget: forget,
            _client: client,
            patience,
            timer: Box::pin(sleep(patience)),
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
        let item = match self.values.poll_recv(cx) {
            Poll::Ready(Some(Some(Ok(value)))) => decode(value.as_ref()),
            Poll::Ready(Some(Some(Err(error)))) => Err(error),
            Poll::Ready(None) => Err(CallError::ConnectionClosed(Disconnected::Stopped)),
            Poll::Ready(Some(None)) => {
                self.is_over = true;
                return Poll::Ready(None);
            }
            Poll::Pending => {
                std::task::ready!(self.timer.as_mut().poll(cx));
                Err(CallError::Timeout(self.patience))
            }
        };
        self.is_over = item.is_err();
        // A time too long to be told is as far away as the timer has been from the beginning.
        if let Some(next_by) = Instant::now().checked_add(self.patience) {
            self.timer.as_mut().reset(next_by);
        }
        Poll::Ready(Some(item))
    }
}

impl<T> fmt::Debug for Replies<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Replies")
            .field("call", &self._forget.id)
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
