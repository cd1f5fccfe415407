//! The end of a connection in order: nothing that was sent is lost by it.

use std::{
    future::poll_fn,
    task::{Context, Poll},
};

use tokio::io::{AsyncRead, AsyncWrite};

use crate::connection::{Connection, Segment};

/// How many segments are read before others have their turn.
const SHARE: usize = 32;

/// Sends what is queued, closes our side, and reads on until the peer has closed too.
///
/// The system answers what arrives for a connection that is gone with a reset, and that makes it
/// throw away what the peer has received and not yet read: events, for example, while an answer
/// that nobody waits for is under way. So what arrives is read and forgotten. The caller of this
/// bounds the time.
pub(in crate::client) async fn close<IO: AsyncRead + AsyncWrite + Unpin>(mut connection: Connection<IO>) {
    let mut is_shut = false;
    poll_fn(|cx| {
        if !is_shut {
            match connection.poll_shutdown(cx) {
                Poll::Ready(Ok(())) => is_shut = true,
                Poll::Ready(Err(_)) => return Poll::Ready(()),
                // The peer may first want to be read.
                Poll::Pending => {}
            }
        }
        poll_end(&mut connection, cx)
    })
    .await;
}

/// Reads and forgets; ready at the end of what the peer sends.
fn poll_end<IO: AsyncRead + AsyncWrite + Unpin>(connection: &mut Connection<IO>, cx: &mut Context<'_>) -> Poll<()> {
    for _ in 0..SHARE {
        match connection.poll_segment(cx) {
            Poll::Ready(Ok(Segment::Received)) => connection.discard(),
            Poll::Ready(_) => return Poll::Ready(()),
            Poll::Pending => return Poll::Pending,
        }
    }
    cx.waker().wake_by_ref();
    Poll::Pending
}
