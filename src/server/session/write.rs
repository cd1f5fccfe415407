//! Writes replies to the peer, and closes our side of the connection.

use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite};

use crate::{
    connection::ConnectionError,
    server::session::{Session, life::Event},
};

impl<IO: AsyncRead + AsyncWrite + Unpin> Session<IO> {
    /// Sends what is queued. Returns true if that lets the connection continue: the peer reads
    /// again after a pause, or our side is closed.
    pub(super) fn poll_write(&mut self, cx: &mut Context<'_>) -> Result<bool, ConnectionError> {
        let before = self.connection.queued();
        let outcome = self.poll_send(cx);
        let sent = before - self.connection.queued();
        if sent > 0 {
            self.mark_active();
            // A reply that is partly sent is not taken back.
            let before = (self.queued_before as usize).checked_sub(sent);
            let before = before.unwrap_or_else(|| self.connection.queued());
            self.queued_before = before.try_into().unwrap_or(u32::MAX);
        }
        outcome
    }

    fn poll_send(&mut self, cx: &mut Context<'_>) -> Result<bool, ConnectionError> {
        if self.life.is_closing() {
            return match self.connection.poll_shutdown(cx) {
                Poll::Pending => Ok(false),
                Poll::Ready(result) => {
                    self.pass(Event::SideClosed);
                    result.map(|()| true)
                }
            };
        }
        if !self.life.answers() {
            return Ok(false);
        }
        let was_congested = self.connection.is_congested();
        if let Poll::Ready(Err(error)) = self.connection.poll_flush(cx) {
            return Err(error);
        }
        Ok(was_congested && !self.connection.is_congested())
    }
}
