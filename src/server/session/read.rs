//! Reads packets from the peer.

use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite};
use tracing::warn;

use crate::{
    connection::{ConnectionError, Segment},
    server::session::{
        Pause, Session,
        life::{Event, Life},
        share::Share,
    },
};

impl<IO: AsyncRead + AsyncWrite + Unpin> Session<IO> {
    /// Reads a segment, or continues with the last one. Returns true if anything was taken.
    pub(super) fn poll_read(&mut self, cx: &mut Context<'_>, share: &mut Share) -> Result<bool, ConnectionError> {
        if !self.life.reads() || self.connection.is_congested() || self.holds_back() {
            return Ok(false);
        }
        if self.is_paused() {
            self.process_packets(cx, share);
            return Ok(true);
        }
        match self.connection.poll_segment(cx) {
            Poll::Pending => return Ok(false),
            Poll::Ready(Ok(Segment::Received)) => {
                self.mark_active();
                share.use_segment();
                self.process_packets(cx, share);
            }
            Poll::Ready(Ok(end)) => {
                if end == Segment::EndInsideFrame
                    && let Some(suppressed) = self.routes.throttles.half_frames.allow()
                {
                    let peer = self.peer();
                    warn!(
                        peer,
                        suppressed, "the peer closed the connection in the middle of a frame"
                    );
                }
                self.in_flight.end_streams();
                self.pass(Event::PeerClosed);
            }
            Poll::Ready(Err(error)) => return Err(error),
        }
        Ok(true)
    }

    /// Returns true if the rest of a segment waits.
    pub(super) fn is_paused(&self) -> bool {
        self.pause != Pause::No
    }

    /// Returns true if calls wait in the system's buffer until those in flight are answered: the
    /// connection is about to close, and would refuse them.
    fn holds_back(&self) -> bool {
        self.life == Life::Refusing
            && self.in_flight.has_calls()
            && self.draining.as_ref().is_some_and(|draining| draining.is_gathering())
    }
}
