//! The orderly end of a connection, which loses nothing that was sent.

use std::{
    future::poll_fn,
    task::{Context, Poll},
};

use tokio::io::{AsyncRead, AsyncWrite};

use crate::connection::{Connection, Segment};

/// Maximum number of segments that are read before other tasks have their turn.
const SHARE: usize = 32;

/// Sends what is queued, closes the sending side, and reads until the peer has closed too.
///
/// The operating system replies with a reset to data that arrives for a closed connection. The
/// reset makes the peer's system discard what it has received and the peer has not read yet:
/// events, for example, while a reply to a cancelled call is in flight. Arriving data is therefore
/// read and discarded. The caller of this function limits the time.
pub(in crate::client) async fn close<IO: AsyncRead + AsyncWrite + Unpin>(mut connection: Connection<IO>) {
    let mut is_shut = false;
    poll_fn(|cx| {
        if !is_shut {
            match connection.poll_shutdown(cx) {
                Poll::Ready(Ok(())) => is_shut = true,
                Poll::Ready(Err(_)) => return Poll::Ready(()),
                // The peer may have to be read first.
                Poll::Pending => {}
            }
        }
        poll_end(&mut connection, cx)
    })
    .await;
}

/// Reads and discards what the peer sends. Returns `Ready` at its end.
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
