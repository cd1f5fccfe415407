//! One message or event on its way through the handlers, whatever carried it.
//!
//! Nothing here knows connections. A session of the TCP transport polls the parts of an exchange
//! itself, because it keeps the id and the order of packets; all others use [`Exchange`].

pub(in crate::server) mod begin;
pub(in crate::server) mod budget;
pub(in crate::server) mod call;
pub(in crate::server) mod held;
pub(in crate::server) mod log_context;
pub(in crate::server) mod no_handler;
pub(in crate::server) mod panicked;
pub(in crate::server) mod permit;
pub(in crate::server) mod stream;
pub(in crate::server) mod trace;

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
};

use futures_util::{Stream, StreamExt};

use crate::{
    json::Maybe,
    packet::RawJson,
    server::{
        Reply, RequestKind,
        exchange::{
            call::{HandlerCall, drain_event_stream},
            log_context::OwnedLogContext,
            stream::StreamedReply,
            trace::RequestTrace,
        },
        handler::panics::drop_contained,
        reply::ReplyItem,
    },
};

/// A request that a router handles, as a stream of the packets of its reply; see
/// [`Routes::exchange`](crate::server::Routes::exchange).
///
/// The handler runs only while this is polled, and is cancelled when this is dropped. It has
/// finished, its stream included, when the stream ends. The exchange of an event has no items. A
/// panic of the handler becomes a [`ReplyItem::Error`].
#[must_use = "a handler runs only while its exchange is polled"]
pub struct Exchange {
    kind: RequestKind,
    origin: OwnedLogContext,
    state: State,
}

enum State {
    /// Nothing handles the pattern.
    NoHandler,
    Handling(HandlerCall),
    Streaming(StreamedReply),
    /// An event's handler returned a stream, which runs to its end for its side effects.
    Draining(HandlerCall),
    Ended,
}

impl Exchange {
    /// Returns the state after the handler's reply, and the item that is sent at once.
    fn after(&self, reply: Reply, trace: RequestTrace) -> (State, Option<ReplyItem>) {
        let origin = self.origin.get();
        if self.kind == RequestKind::Event {
            let rest = drain_event_stream(reply, trace, origin);
            return (rest.map_or(State::Ended, State::Draining), None);
        }
        let item = match reply {
            Reply::Stream(values) => {
                let streamed = StreamedReply::new(RawJson::null(), values.into(), self.origin.clone(), trace);
                return (State::Streaming(streamed), None);
            }
            Reply::Items(items) => {
                let streamed = StreamedReply::new(RawJson::null(), items.into(), self.origin.clone(), trace);
                return (State::Streaming(streamed), None);
            }
            Reply::Undefined => ReplyItem::Completion,
            Reply::Value(value) => ReplyItem::Last(Maybe::Value(value)),
            Reply::Error(error) if error.is_no_handler() => ReplyItem::NoHandler,
            Reply::Error(error) => ReplyItem::Error(error),
        };
        (State::Ended, Some(item))
    }
}

impl Stream for Exchange {
    type Item = ReplyItem;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<ReplyItem>> {
        let this = &mut *self;
        loop {
            match &mut this.state {
                State::Ended => return Poll::Ready(None),
                State::NoHandler => {
                    this.state = State::Ended;
                    let is_message = this.kind == RequestKind::Message;
                    return Poll::Ready(is_message.then_some(ReplyItem::NoHandler));
                }
                State::Handling(call) => {
                    let reply = ready!(call.poll_reply(cx, this.origin.get()));
                    let trace = call.take_trace();
                    let (next, item) = this.after(reply, trace);
                    this.state = next;
                    if item.is_some() {
                        return Poll::Ready(item);
                    }
                }
                State::Draining(call) => {
                    drop_contained(ready!(call.poll_reply(cx, this.origin.get())));
                    this.state = State::Ended;
                }
                State::Streaming(values) => {
                    let next = ready!(values.poll_next_unpin(cx));
                    return Poll::Ready(next.map(|(_, item)| item));
                }
            }
        }
    }
}

impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exchange")
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}
