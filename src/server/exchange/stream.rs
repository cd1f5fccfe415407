//! A stream of values that is sent to the caller.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    task::{Context, Poll},
};

use crate::{
    json::Maybe,
    packet::{RawJson, RpcError},
    server::{
        ReplyStream, RequestKind,
        exchange::{
            budget::is_budget_used_up, call::report, log_context::OwnedLogContext, panicked::panicked,
            trace::RequestTrace,
        },
        handler::panics::Contained,
        reply::{ReplyItem, ReplyItems},
    },
};
use futures_util::Stream;

/// The values of a handler's stream, each paired with the id of its request.
///
/// The last value is sent together with the end of the stream if the stream ends at the same poll
/// (`Server.send` in Nest's `server/server.js`). So a value is held until it is clear whether
/// another follows at once:
///
/// ```text
///   polled       held    sent
///   value B      A       value A            (B is held)
///   end          A       last value A
///   end          -       completion
///   error        A       value A, then the error
///   pending      A       value A            (nothing is held while waiting)
/// ```
///
/// A stream that is pending only because tokio's budget is used up does not really wait: its value
/// stays held.
pub(in crate::server) struct StreamedReply {
    id: RawJson,
    source: Contained<Source>,
    held: Option<Maybe<RawJson>>,
    state: StreamState,
    origin: OwnedLogContext,
    trace: RequestTrace,
}

/// What a handler streams.
pub(in crate::server) enum Source {
    /// Values, of which packets are made.
    Values(ReplyStream),
    /// The packets themselves.
    Items(ReplyItems),
}

impl From<ReplyStream> for Source {
    fn from(values: ReplyStream) -> Self {
        Self::Values(values)
    }
}

impl From<ReplyItems> for Source {
    fn from(items: ReplyItems) -> Self {
        Self::Items(items)
    }
}

/// What the user's stream has yielded.
enum Yielded {
    Value(Maybe<RawJson>),
    Item(ReplyItem),
    Failure(RpcError),
    End,
}

enum StreamState {
    Open,
    Failing(RpcError),
    Ended,
}

impl StreamedReply {
    pub(in crate::server) fn new(id: RawJson, source: Source, origin: OwnedLogContext, trace: RequestTrace) -> Self {
        Self {
            id,
            source: Contained::new(source),
            held: None,
            state: StreamState::Open,
            origin,
            trace,
        }
    }

    /// Returns true if the stream answers the request of this id.
    pub(in crate::server) fn answers(&self, id: &RawJson) -> bool {
        self.id == *id
    }

    /// Polls the user's stream, which may panic.
    fn poll_source(&mut self, cx: &mut Context<'_>) -> Poll<Yielded> {
        let _entered = self.trace.span.enter();
        let Some(source) = &mut *self.source else {
            return Poll::Ready(Yielded::End);
        };
        let polled = catch_unwind(AssertUnwindSafe(|| match source {
            Source::Values(values) => values.0.as_mut().poll_next(cx).map(|value| match value {
                Some(Ok(value)) => Yielded::Value(value),
                Some(Err(error)) => Yielded::Failure(error),
                None => Yielded::End,
            }),
            Source::Items(items) => items
                .0
                .as_mut()
                .poll_next(cx)
                .map(|item| item.map_or(Yielded::End, Yielded::Item)),
        }));
        polled.unwrap_or_else(|panic| Poll::Ready(Yielded::Failure(panicked(panic, self.origin.get()))))
    }

    /// Returns what is sent for an item that the user's stream has yielded.
    fn pass_on(&mut self, item: ReplyItem) -> ReplyItem {
        match item {
            ReplyItem::Error(error) => self.fail(error),
            item if item.is_last() => {
                self.state = StreamState::Ended;
                match failure_of(&item) {
                    Some(error) => self.trace.failed(&error),
                    None => self.trace.succeeded(),
                }
                item
            }
            item => item,
        }
    }

    fn fail(&mut self, error: RpcError) -> ReplyItem {
        self.trace
            .span
            .in_scope(|| report(&error, RequestKind::Message, self.origin.get()));
        self.trace.failed(&error);
        match self.held.take() {
            Some(value) => {
                self.state = StreamState::Failing(error);
                ReplyItem::Value(value)
            }
            None => {
                self.state = StreamState::Ended;
                ReplyItem::Error(error)
            }
        }
    }

    /// Items that end without a last one are completed too: the caller must not wait for ever.
    fn end(&mut self) -> ReplyItem {
        self.state = StreamState::Ended;
        self.trace.succeeded();
        self.held.take().map_or(ReplyItem::Completion, ReplyItem::Last)
    }

    fn poll_item(&mut self, cx: &mut Context<'_>) -> Poll<Option<ReplyItem>> {
        loop {
            match std::mem::replace(&mut self.state, StreamState::Ended) {
                StreamState::Ended => return Poll::Ready(None),
                StreamState::Failing(error) => return Poll::Ready(Some(ReplyItem::Error(error))),
                StreamState::Open => self.state = StreamState::Open,
            }
            let item = match self.poll_source(cx) {
                Poll::Ready(Yielded::Value(value)) => self.held.replace(value).map(ReplyItem::Value),
                Poll::Ready(Yielded::Item(item)) => Some(self.pass_on(item)),
                Poll::Ready(Yielded::Failure(error)) => Some(self.fail(error)),
                Poll::Ready(Yielded::End) => Some(self.end()),
                Poll::Pending if self.held.is_some() && is_budget_used_up() => {
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                Poll::Pending => match self.held.take() {
                    Some(value) => Some(ReplyItem::Value(value)),
                    None => return Poll::Pending,
                },
            };
            if item.is_some() {
                return Poll::Ready(item);
            }
        }
    }
}

/// Returns the error that an item passes on. The service that made it has logged it.
fn failure_of(item: &ReplyItem) -> Option<RpcError> {
    match item {
        ReplyItem::Packet(packet) => packet.error(),
        ReplyItem::NoHandler => Some(RpcError::no_handler()),
        ReplyItem::Value(_) | ReplyItem::Last(_) | ReplyItem::Completion | ReplyItem::Error(_) => None,
    }
}

impl Stream for StreamedReply {
    type Item = (RawJson, ReplyItem);

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_item(cx).map(|item| item.map(|item| (self.id.clone(), item)))
    }
}

#[cfg(test)]
mod tests {
    use futures_util::{FutureExt, StreamExt, stream};

    use super::*;

    /// Returns the items that are sent without waiting.
    fn sent_at_once(values: ReplyStream) -> Vec<ReplyItem> {
        let streaming = StreamedReply::new(
            RawJson::null(),
            values.into(),
            OwnedLogContext::default(),
            RequestTrace::none(),
        );
        let mut sent = Vec::new();
        let _ = streaming
            .map(|(_, item)| sent.push(item))
            .collect::<()>()
            .now_or_never();
        sent
    }

    fn json(number: u32) -> Maybe<RawJson> {
        Maybe::Value(RawJson::from_value(&number).expect("a number"))
    }

    #[test]
    fn the_end_travels_with_the_last_value_if_it_is_known_by_then() {
        let sent = sent_at_once(ReplyStream::new(stream::iter([1, 2])));
        assert_eq!(sent, [ReplyItem::Value(json(1)), ReplyItem::Last(json(2))]);
    }

    #[test]
    fn undefined_is_a_value_among_others() {
        let sent = sent_at_once(ReplyStream::new(stream::iter([Maybe::Undefined, Maybe::Value(1)])));
        assert_eq!(sent, [ReplyItem::Value(Maybe::Undefined), ReplyItem::Last(json(1))]);
    }

    #[test]
    fn a_later_end_comes_alone_and_no_value_waits_for_it() {
        let open = stream::iter([1, 2]).chain(stream::pending());
        assert_eq!(
            sent_at_once(ReplyStream::new(open)),
            [ReplyItem::Value(json(1)), ReplyItem::Value(json(2))]
        );
    }

    #[test]
    fn an_empty_stream_completes() {
        assert_eq!(
            sent_at_once(ReplyStream::new(stream::empty::<u32>())),
            [ReplyItem::Completion]
        );
    }

    #[test]
    fn an_error_comes_after_the_values_and_ends_the_stream() {
        let failing = stream::iter([Ok(1), Err(RpcError::new("no")), Ok(2)]);
        assert_eq!(
            sent_at_once(ReplyStream::fallible(failing)),
            [ReplyItem::Value(json(1)), ReplyItem::Error(RpcError::new("no"))]
        );
    }

    #[test]
    fn a_panic_is_an_internal_error() {
        let panicking = stream::once(async { panic!("oh no") as u32 });
        assert_eq!(
            sent_at_once(ReplyStream::new(panicking)),
            [ReplyItem::Error(RpcError::internal())]
        );
    }
}
