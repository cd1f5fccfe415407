//! The values of a call as a stream.

use std::{
    fmt,
    marker::PhantomData,
    pin::Pin,
    task::{Context, Poll},
};

use futures_util::Stream;
use serde::{Serialize, de::DeserializeOwned};
use tokio::time::Instant;

use crate::{
    client::{
        CallError, Client,
        call::{
            outgoing::{CallKind, OutgoingCall},
            trace::CallTrace,
        },
        error::Answer,
        handle::{decode, stream_source::Source, values::Values},
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
    values: Values,
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
        outgoing: OutgoingCall,
        watch: CallTrace,
    ) -> Result<ReplyStream<T>, CallError> {
        match self.ask_values(outgoing, watch).await {
            Ok((source, watch)) => Ok(ReplyStream::new(pattern, source, watch)),
            Err(error) => Err(error.of_call(&pattern)),
        }
    }
}

impl<T> ReplyStream<T> {
    pub(in crate::client) fn new(pattern: Pattern, source: Source, watch: CallTrace) -> Self {
        Self {
            pattern,
            values: Values::new(source, watch),
            item: PhantomData,
        }
    }
}

impl<T: DeserializeOwned> Stream for ReplyStream<T> {
    type Item = Result<T, CallError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Self { pattern, values, .. } = &mut *self;
        let decoded = |value: Answer| {
            let value = value.map_err(|error| error.of_call(pattern))?;
            decode(value.as_ref())
        };
        values.poll_next(cx, decoded)
    }
}

impl<T> fmt::Debug for ReplyStream<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReplyStream")
            .field("call", &self.values.id())
            .finish_non_exhaustive()
    }
}
