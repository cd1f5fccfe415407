//! The values of a call as a stream.

use std::{
    fmt,
    marker::PhantomData,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll, ready},
};

use futures_util::Stream;
use serde::{Serialize, de::DeserializeOwned};
use tokio::{task::coop::poll_proceed, time::Instant};

use crate::{
    client::{
        CallError, Client,
        call::{
            outgoing::{CallKind, OutgoingCall},
            trace::CallTrace,
        },
        handle::{decode, stream_source::Source},
        pool::call_guard::CallGuard,
    },
    json,
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

/// Streams.
impl Client {
    /// Sends a message. Returns a stream of the reply's values as they come.
    ///
    /// The timeout starts again for each value.
    ///
    /// # Errors
    /// [`CallError::MissingData`], [`CallError::MissingPattern`], [`CallError::Encode`],
    /// [`CallError::Overloaded`] and [`CallError::Closed`], and [`CallError::Timeout`] if other
    /// packets delay this one for longer than the timeout. Every other error is the stream's last
    /// item, including [`CallError::Connect`] (except for a client with several connections, which
    /// first waits for an open one).
    pub async fn send_stream<T: DeserializeOwned>(
        &self,
        pattern: impl Into<Pattern>,
        data: &(impl Serialize + ?Sized),
    ) -> Result<ReplyStream<T>, CallError> {
        let mut outgoing = OutgoingCall::new(CallKind::Stream { since: Instant::now() });
        let pattern = pattern.into();
        outgoing.address(&pattern, self.pool.config.compat)?;
        outgoing.data(|out| json::append(data, out))?;
        let watch = self.watch(&mut outgoing);
        self.ask_stream(pattern, outgoing, watch).await
    }

    /// Sends a request. Returns the stream of its values.
    pub(in crate::client) async fn ask_stream<T>(
        &self,
        pattern: Pattern,
        mut outgoing: OutgoingCall,
        mut watch: CallTrace,
    ) -> Result<ReplyStream<T>, CallError> {
        let mut guard = CallGuard::new(Arc::clone(&self.pool));
        // A service that is stopping may refuse the call, which is then sent again.
        let kept = outgoing.draft.copied();
        match self.submit(&mut guard, &mut outgoing, &watch, pin!(None)).await {
            Ok(()) => {
                watch.identified(|| guard.id());
                let source = Source::new(guard, outgoing.kind, kept, self.timeout);
                Ok(ReplyStream::new(pattern, source, watch))
            }
            Err(error) => {
                guard.learn(false, &Err(error.clone()));
                watch.failed(&error);
                Err(error.of_call(&pattern))
            }
        }
    }
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
