//! One connection, from its first byte to the last of its handlers.

mod dispatch;
mod receiving;
mod sending;
mod serving;
mod shutdown;
mod time;
mod waits;

use std::{
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use http::Extensions;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::Sleep,
};

pub(super) use self::{serving::Serving, shutdown::Shutdown};
use self::{time::Verdict, waits::Waits};
use super::{limits::Warden, routes::Routes};
use crate::{
    connection::{Connection, ConnectionError},
    packet::ReplyId,
    telemetry::{LinkMeter, Side},
};

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
            self.settle(
                id.as_ref(),
                finished.reply,
                || finished.watch,
                finished.origin.get(),
                cx,
            );
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
}
