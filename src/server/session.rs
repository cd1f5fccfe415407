//! One connection, from its first byte to the last of its handlers.

mod dispatch;
mod serving;
mod shutdown;
mod waits;

use std::{
    future::Future,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use http::Extensions;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::{Sleep, sleep},
};
use tracing::warn;

use self::waits::Waits;
pub(super) use self::{serving::Serving, shutdown::Shutdown};
use super::{
    limits::{Due, Warden},
    routes::Routes,
};
use crate::{
    connection::{Connection, ConnectionError, Segment},
    packet::ReplyId,
    telemetry::{LinkMeter, Side},
};

/// How long a connection that we have closed may take to be closed by the peer too. Without this courtesy the
/// operating system would answer what the peer is still sending with a reset, which can cost it our last replies.
const LINGER: Duration = Duration::from_secs(1);

/// How many segments are read at most when a connection is to stop, 8 MiB: more than the system keeps for it, so that a
/// peer that never pauses does not go on for ever.
const LAST_SEGMENTS: u8 = 128;

/// The state of one connection.
///
/// ```text
///              ┌──peer does not take replies──► Paused
///   reading   Open ◄──────────it does─────────────┘
///              ├──told to stop, and what had arrived is taken──► Discarding ──┐
///              └───────────peer has closed────────────────────────────────────┴─► Ended
///
///   writing   Open ──peer has closed, or broke the framing, or (told to stop) all is answered──► Closing ──► Closed
/// ```
///
/// A peer that broke the framing is still read, and what it sends runs handlers: Nest closes its own side only.
/// Replies count only while writing is `Open`.
pub(super) struct Session<IO> {
    connection: Connection<IO>,
    caller: Caller,
    routes: Arc<Routes>,
    intake: Intake,
    reading: Reading,
    writing: Writing,
    waits: Waits,
    shutdown: Shutdown,
    /// For limits, if there are any.
    warden: Option<Box<Warden>>,
    linger: Option<Pin<Box<Sleep>>>,
}

/// What every request of a connection begins with.
#[derive(Debug, Default)]
pub(super) struct Caller {
    pub(super) peer: Option<SocketAddr>,
    pub(super) extensions: Extensions,
}

/// Whether more is to be taken from the peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Intake {
    Open,
    /// No more than what has arrived by now: so many segments at most.
    Last(u8),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reading {
    Open,
    /// In the middle of a segment: its other packets wait, so that one segment of small requests can't make us gather
    /// large replies without end.
    Paused,
    Discarding,
    Ended,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Writing {
    Open,
    Closing,
    Closed,
}

impl<IO: AsyncRead + AsyncWrite + Unpin> Session<IO> {
    pub(super) fn new(
        connection: Connection<IO>,
        routes: Arc<Routes>,
        caller: Caller,
        shutdown: Shutdown,
        warden: Option<Warden>,
    ) -> Self {
        Self {
            connection: connection.metered(LinkMeter::opened(Side::Server)),
            caller,
            routes,
            intake: Intake::Open,
            reading: Reading::Open,
            writing: Writing::Open,
            waits: Waits::default(),
            shutdown,
            warden: warden.map(Box::new),
            linger: None,
        }
    }

    /// Ready when the link has come to its end.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), ConnectionError>> {
        if self.intake == Intake::Open && self.shutdown.poll(cx).is_ready() {
            self.stop_taking();
        }
        loop {
            // What has been polled once in here has registered its wake-up. It is polled again only if it might have
            // gone on meanwhile: streams, once the peer takes more.
            self.poll_calls(cx)?;
            self.poll_streams(cx);
            let peer_takes_more = self.poll_link(cx)?;
            if (self.reading, self.writing) == (Reading::Ended, Writing::Closed) || self.poll_linger(cx).is_ready() {
                return Poll::Ready(Ok(()));
            }
            if peer_takes_more || self.close_when_all_is_answered() {
                continue;
            }
            match ready!(self.poll_warden(cx)) {
                Verdict::Close => self.stop_taking(),
                Verdict::Cut => return Poll::Ready(Ok(())),
            }
        }
    }

    /// Reads and writes as long as there is something to read; whether the peer, which did not, now takes more.
    fn poll_link(&mut self, cx: &mut Context<'_>) -> Result<bool, ConnectionError> {
        loop {
            let has_read = self.poll_read(cx)?;
            let peer_takes_more = self.poll_write(cx)?;
            if peer_takes_more || !has_read {
                return Ok(peer_takes_more);
            }
        }
    }

    fn stop_taking(&mut self) {
        if self.intake == Intake::Open {
            self.intake = Intake::Last(LAST_SEGMENTS);
        }
    }

    /// Takes nothing more: nobody waits for the rest of half a frame.
    fn start_discarding(&mut self) {
        self.reading = Reading::Discarding;
        self.connection.discard();
    }

    fn close_when_all_is_answered(&mut self) -> bool {
        let is_done = self.reading == Reading::Discarding && self.waits.is_empty();
        let all_is_answered = is_done && self.writing == Writing::Open;
        if all_is_answered {
            self.writing = Writing::Closing;
        }
        all_is_answered
    }

    /// Answers the calls that have finished, whether the peer reads or not: its handlers are to go on meanwhile.
    fn poll_calls(&mut self, cx: &mut Context<'_>) -> Result<(), ConnectionError> {
        while let Poll::Ready(Some(finished)) = self.waits.poll_call(cx) {
            self.stir();
            let id = finished.id.map(ReplyId::Owned);
            self.settle(id, finished.reply, || finished.watch, finished.origin.get(), cx);
            if self.connection.is_congested() {
                // Any number may finish at the same time. The limit is to stop them before all have been answered.
                self.poll_write(cx)?;
            }
        }
        Ok(())
    }

    /// Sends what the streams have, as long as the peer keeps up.
    fn poll_streams(&mut self, cx: &mut Context<'_>) {
        while !self.connection.is_congested() {
            let Poll::Ready(Some((id, emission))) = self.waits.poll_stream(cx) else {
                break;
            };
            self.emit(&id, &emission);
        }
    }

    fn poll_read(&mut self, cx: &mut Context<'_>) -> Result<bool, ConnectionError> {
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

    /// Sends what is queued; whether the peer, which did not take enough, now does.
    fn poll_write(&mut self, cx: &mut Context<'_>) -> Result<bool, ConnectionError> {
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
    fn poll_linger(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if (self.reading, self.writing) != (Reading::Discarding, Writing::Closed) {
            return Poll::Pending;
        }
        self.linger
            .get_or_insert_with(|| Box::pin(sleep(LINGER)))
            .as_mut()
            .poll(cx)
    }

    /// Ready when the connection's time is over.
    fn poll_warden(&mut self, cx: &mut Context<'_>) -> Poll<Verdict> {
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
    fn stir(&mut self) {
        if let Some(warden) = &mut self.warden {
            warden.stir();
        }
    }

    fn stop_writing(&mut self) {
        self.waits.end_streams();
        if self.writing == Writing::Open {
            self.writing = Writing::Closing;
        }
    }
}

/// How a connection ends whose time is over.
enum Verdict {
    /// As in a shutdown.
    Close,
    /// At once: its peer has had its time to take what there was for it, or to close.
    Cut,
}
