//! One connection, from its first byte to the last of its handlers.

mod dispatch;
mod shutdown;

use std::{
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use futures_util::{
    StreamExt,
    future::poll_fn,
    stream::{FuturesUnordered, SelectAll},
};
use http::Extensions;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::{Sleep, sleep},
};
use tokio_util::sync::CancellationToken;
use tracing::{Span, debug_span, warn};

use self::shutdown::Shutdown;
use super::{
    call::{Waiting, rest_of_event},
    routes::Routes,
    streaming::Streaming,
};
use crate::{
    connection::{Connection, ConnectionError, Segment},
    packet::ReplyId,
};

/// How long a connection that we have closed may take to be closed by the peer too. Without this courtesy the
/// operating system would answer what the peer is still sending with a reset, which can cost it our last replies.
const LINGER: Duration = Duration::from_secs(1);

/// The state of one connection.
///
/// ```text
///              ┌──peer does not take replies──► Paused
///   reading   Open ◄──────────it does─────────────┘ │
///              ├───────────shutdown─────────────────┴─► Discarding ──┐
///              └───────────peer has closed───────────────────────────┴─► Ended
///
///   writing   Open ──peer has closed, or broke the framing, or (shutting down) all is answered──► Closing ──► Closed
/// ```
///
/// A peer that broke the framing is still read, and what it sends runs handlers: Nest closes its own side only.
/// Replies count only while writing is `Open`.
pub(super) struct Session<IO> {
    connection: Connection<IO>,
    routes: Arc<Routes>,
    peer: Option<SocketAddr>,
    /// What every request of this connection begins with.
    extensions: Extensions,
    reading: Reading,
    writing: Writing,
    /// Handlers that wait for something.
    calls: FuturesUnordered<Waiting>,
    /// Streams that have more to send.
    streams: SelectAll<Streaming>,
    shutdown: Shutdown,
    linger: Option<Pin<Box<Sleep>>>,
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
        peer: Option<SocketAddr>,
        extensions: Extensions,
        shutdown: CancellationToken,
    ) -> Self {
        Self {
            connection,
            routes,
            peer,
            extensions,
            reading: Reading::Open,
            writing: Writing::Open,
            calls: FuturesUnordered::new(),
            streams: SelectAll::new(),
            shutdown: Shutdown::new(shutdown),
            linger: None,
        }
    }

    /// Serves the connection until it ends, and then lets the handlers that still run come to their end: what they
    /// do matters, though nobody hears of it.
    ///
    /// # Errors
    /// Why the link was cut. A peer that closes is no error, and neither is one that broke the framing, once it closes.
    pub(super) async fn run(mut self) -> Result<(), ConnectionError> {
        let ended = poll_fn(|cx| self.poll(cx)).await;
        let mut calls = self.into_calls();
        while let Some(finished) = calls.next().await {
            if finished.id.is_none() {
                calls.extend(rest_of_event(finished.reply, finished.span));
            }
        }
        ended
    }

    /// Lets go of all but the calls: of the link, which may have to be cut, and of the streams.
    fn into_calls(self) -> FuturesUnordered<Waiting> {
        self.calls
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), ConnectionError>> {
        self.poll_shutdown_signal(cx);
        loop {
            // What has been polled once in here has registered its wake-up. It is polled again only if it might have
            // gone on meanwhile: streams, once the peer takes more.
            self.poll_calls(cx)?;
            self.poll_streams(cx);
            let peer_takes_more = self.poll_link(cx)?;
            if (self.reading, self.writing) == (Reading::Ended, Writing::Closed) || self.poll_linger(cx).is_ready() {
                return Poll::Ready(Ok(()));
            }
            if !(peer_takes_more || self.close_when_all_is_answered()) {
                return Poll::Pending;
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

    fn poll_shutdown_signal(&mut self, cx: &mut Context<'_>) {
        let is_taking = matches!(self.reading, Reading::Open | Reading::Paused);
        if is_taking && self.shutdown.poll(cx).is_ready() {
            self.reading = Reading::Discarding;
            // Nobody waits for the rest of half a frame any more.
            self.connection.discard();
        }
    }

    fn close_when_all_is_answered(&mut self) -> bool {
        let is_idle = self.calls.is_empty() && self.streams.is_empty();
        let all_is_answered = self.reading == Reading::Discarding && self.writing == Writing::Open && is_idle;
        if all_is_answered {
            self.writing = Writing::Closing;
        }
        all_is_answered
    }

    /// Answers the calls that have finished, whether the peer reads or not: its handlers are to go on meanwhile.
    fn poll_calls(&mut self, cx: &mut Context<'_>) -> Result<(), ConnectionError> {
        while let Poll::Ready(Some(finished)) = self.calls.poll_next_unpin(cx) {
            let id = finished.id.map(ReplyId::Owned);
            self.settle(id, finished.reply, finished.span, cx);
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
            let Poll::Ready(Some((id, emission))) = self.streams.poll_next_unpin(cx) else {
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
            Poll::Pending => return Ok(false),
            Poll::Ready(Ok(Segment::Received)) if self.reading == Reading::Discarding => self.connection.discard(),
            Poll::Ready(Ok(Segment::Received)) => self.take_packets(cx),
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

    fn poll_write(&mut self, cx: &mut Context<'_>) -> Result<bool, ConnectionError> {
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

    fn stop_writing(&mut self) {
        self.streams.clear();
        if self.writing == Writing::Open {
            self.writing = Writing::Closing;
        }
    }
}

/// The span that everything of one connection is logged in.
pub(super) fn connection_span(peer: Option<SocketAddr>) -> Span {
    debug_span!("connection", peer = peer.map(tracing::field::display))
}
