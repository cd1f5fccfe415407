//! The first poll of a handler, in the order of the messages.

use std::{future::Future, future::poll_fn, task::Poll};

use tokio::task::coop;

/// Polls `future` until it is done or really waits. Returns true if it is done.
///
/// A future that is pending only because tokio's budget of this task is used up does not wait: it
/// is polled again, so that handlers which never wait run in the order of their messages.
pub(crate) async fn first_poll<F: Future<Output = ()> + Unpin>(future: &mut F) -> bool {
    poll_fn(|cx| match std::pin::Pin::new(&mut *future).poll(cx) {
        Poll::Ready(()) => Poll::Ready(true),
        Poll::Pending if coop::has_budget_remaining() => Poll::Ready(false),
        Poll::Pending => {
            cx.waker().wake_by_ref();
            Poll::Pending
        }
    })
    .await
}
