//! What a connection gives its peer, and how its own side is closed.

use std::{
    future::Future,
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::sleep,
};

use super::{Reading, Session, Writing};
use crate::connection::ConnectionError;

/// How long a connection that we have closed may take to be closed by the peer too. Without this courtesy the
/// operating system would answer what the peer is still sending with a reset, which can cost it our last replies.
const LINGER: Duration = Duration::from_secs(1);

impl<IO: AsyncRead + AsyncWrite + Unpin> Session<IO> {
    /// Sends what is queued; whether the peer, which did not take enough, now does.
    pub(super) fn poll_write(&mut self, cx: &mut Context<'_>) -> Result<bool, ConnectionError> {
        let before = self.connection.queued();
        let outcome = self.poll_send(cx);
        if self.connection.queued() < before {
            self.stir();
        }
        outcome
    }

    fn poll_send(&mut self, cx: &mut Context<'_>) -> Result<bool, ConnectionError> {
        match self.writing {
            Writing::Closed => Ok(false),
            Writing::Open => {
                let was_congested = self.connection.is_congested();
                if let Poll::Ready(Err(error)) = self.connection.poll_flush(cx) {
                    return Err(error);
                }
                Ok(was_congested && !self.connection.is_congested())
            }
            Writing::Closing => match self.connection.poll_shutdown(cx) {
                Poll::Pending => Ok(false),
                Poll::Ready(result) => {
                    self.writing = Writing::Closed;
                    result.map(|()| true)
                }
            },
        }
    }

    /// Ready when a peer has had time enough to follow our closing.
    pub(super) fn poll_linger(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if (self.reading, self.writing) != (Reading::Discarding, Writing::Closed) {
            return Poll::Pending;
        }
        self.linger
            .get_or_insert_with(|| Box::pin(sleep(LINGER)))
            .as_mut()
            .poll(cx)
    }

    pub(super) fn stop_writing(&mut self) {
        self.waits.end_streams();
        if self.writing == Writing::Open {
            self.writing = Writing::Closing;
        }
    }
}
