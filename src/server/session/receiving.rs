//! What a connection takes from its peer, and when it stops taking.

use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite};
use tracing::warn;

use super::{Intake, Reading, Session};
use crate::connection::{ConnectionError, Segment};

/// How many segments are read at most when a connection is to stop, 8 MiB: more than the system keeps for it, so that a
/// peer that never pauses does not go on for ever.
const LAST_SEGMENTS: u8 = 128;

impl<IO: AsyncRead + AsyncWrite + Unpin> Session<IO> {
    /// Whether anything was taken.
    pub(super) fn poll_read(&mut self, cx: &mut Context<'_>) -> Result<bool, ConnectionError> {
        if self.reading == Reading::Ended || self.connection.is_congested() {
            return Ok(false);
        }
        if self.reading == Reading::Paused {
            self.take_packets(cx);
            return Ok(true);
        }
        match self.connection.poll_segment(cx) {
            Poll::Pending => {
                if self.intake != Intake::Open && self.reading == Reading::Open {
                    self.start_discarding();
                }
                return Ok(false);
            }
            Poll::Ready(Ok(Segment::Received)) => self.take_segment(cx),
            Poll::Ready(Ok(end)) => {
                if end == Segment::EndInsideFrame {
                    warn!("the peer closed the connection in the middle of a frame");
                }
                self.reading = Reading::Ended;
                self.stop_writing();
            }
            Poll::Ready(Err(error)) => return Err(error),
        }
        Ok(true)
    }

    fn take_segment(&mut self, cx: &mut Context<'_>) {
        self.stir();
        match (self.reading, &mut self.intake) {
            (Reading::Discarding, _) => self.connection.discard(),
            (_, Intake::Last(0)) => self.start_discarding(),
            (_, Intake::Last(left)) => {
                *left -= 1;
                self.take_packets(cx);
            }
            (_, Intake::Open) => self.take_packets(cx),
        }
    }

    /// From now on, only what has arrived by now is taken.
    pub(super) fn stop_taking(&mut self) {
        if self.intake == Intake::Open {
            self.intake = Intake::Last(LAST_SEGMENTS);
        }
    }

    /// Takes nothing more: nobody waits for the rest of half a frame.
    fn start_discarding(&mut self) {
        self.reading = Reading::Discarding;
        self.connection.discard();
    }
}
