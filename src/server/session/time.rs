//! How long a connection may go on.

use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite};

use super::{Session, Writing};
use crate::server::limits::Due;

impl<IO: AsyncRead + AsyncWrite + Unpin> Session<IO> {
    /// Ready when the connection's time is over.
    pub(super) fn poll_warden(&mut self, cx: &mut Context<'_>) -> Poll<Verdict> {
        let Some(warden) = &mut self.warden else {
            return Poll::Pending;
        };
        let takes_nothing = self.connection.queued() > 0;
        let is_busy = !(self.waits.is_empty() || takes_nothing);
        let due = ready!(warden.poll_due(cx, is_busy));
        let notices = &warden.ledger.notices;
        Poll::Ready(match due {
            Due::Aged => {
                notices.aged_closed();
                Verdict::Close
            }
            Due::Idle if takes_nothing || self.writing != Writing::Open => {
                notices.stalled_cut();
                Verdict::Cut
            }
            Due::Idle => {
                notices.idle_closed();
                Verdict::Close
            }
        })
    }

    /// Tells the clock, if there is one, that something goes on.
    pub(super) fn stir(&mut self) {
        if let Some(warden) = &mut self.warden {
            warden.stir();
        }
    }
}

/// How a connection ends whose time is over.
pub(super) enum Verdict {
    /// As in a shutdown.
    Close,
    /// At once: its peer has had its time to take what there was for it, or to close.
    Cut,
}
