//! Keeps the permit of a request while its handler runs and its stream sends.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use futures_util::{Stream, StreamExt};

use crate::{
    json::Maybe,
    packet::{RawJson, RpcError},
    server::{Reply, ReplyStream, exchange::permit::Permit, handler::service::BoxReplyFuture, reply::ReplyItems},
};

/// Wraps a handler's future so that it holds `permit`. Returns the wrapped future, which releases
/// the permit when the handler or its stream ends, panics or is dropped.
pub(in crate::server) fn hold(running: BoxReplyFuture, permit: Option<Permit>) -> BoxReplyFuture {
    let Some(permit) = permit else { return running };
    Box::pin(async move {
        match running.await {
            Reply::Stream(values) => {
                let permit = Some(permit);
                Reply::Stream(ReplyStream(Box::pin(Holding { values, permit })))
            }
            Reply::Items(items) => Reply::Items(ReplyItems::new(items.inspect(move |item| {
                let _held_until_the_end = (&permit, item);
            }))),
            reply => reply,
        }
    })
}

struct Holding {
    values: ReplyStream,
    permit: Option<Permit>,
}

impl Stream for Holding {
    type Item = Result<Maybe<RawJson>, RpcError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let next = ready!(self.values.0.as_mut().poll_next(cx));
        if !matches!(next, Some(Ok(_))) {
            self.permit = None;
        }
        Poll::Ready(next)
    }
}
