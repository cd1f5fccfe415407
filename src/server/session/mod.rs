//! One connection, from its first byte to the end of its last handler.

pub(in crate::server) mod dispatch;
pub(in crate::server) mod drain;
pub(in crate::server) mod draining;
pub(in crate::server) mod future;
pub(in crate::server) mod in_flight;
pub(in crate::server) mod life;
pub(in crate::server) mod pending_call;
pub(in crate::server) mod read;
pub(in crate::server) mod share;
pub(in crate::server) mod shutdown;
pub(in crate::server) mod span;
pub(in crate::server) mod time;
pub(in crate::server) mod write;

use std::{
    net::SocketAddr,
    sync::Arc,
    task::{Context, Poll, ready},
};

use http::Extensions;
use tokio::io::{AsyncRead, AsyncWrite};

pub(super) use crate::server::session::future::Ended;
pub(super) use crate::server::session::future::Serving;
pub(super) use crate::server::session::shutdown::ServiceStop;
pub(super) use crate::server::session::shutdown::Shutdown;
use crate::server::session::{
    in_flight::InFlight,
    life::{Event, Life},
    share::Share,
};
use crate::{
    connection::{Connection, ConnectionError},
    packet::ReplyId,
    server::{limits::ConnectionLimiter, routing::table::Routes},
};
use crate::{
    server::session::draining::Draining,
    telemetry::{ConnectionMeter, Side},
};

/// The state of one connection. Its [`Life`] decides what it may do.
pub(super) struct Session<IO> {
    connection: Connection<IO>,
    caller: PeerInfo,
    routes: Arc<Routes>,
    life: Life,
    pause: Pause,
    /// Number of queued bytes before the segment's first packet was taken.
    queued_before: u32,
    in_flight: InFlight,
    shutdown: Shutdown,
    /// Enforces the limits, if there are any.
    connection_limiter: Option<Box<ConnectionLimiter>>,
    /// Exists once the connection must end.
    draining: Option<Box<Draining>>,
}

/// The peer's address and extensions, which are copied into every request of a connection.
#[derive(Debug, Default)]
pub(super) struct PeerInfo {
    pub(super) peer: Option<SocketAddr>,
    pub(super) extensions: Extensions,
}

/// The reason why the rest of a segment waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pause {
    No,
    /// The peer does not read its replies. Without this pause, one segment of small requests could
    /// queue large replies without limit.
    Congested,
    /// Handlers would not run in order.
    OutOfBudget,
}

impl<IO: AsyncRead + AsyncWrite + Unpin> Session<IO> {
    pub(super) fn new(
        connection: Connection<IO>,
        routes: Arc<Routes>,
        caller: PeerInfo,
        shutdown: Shutdown,
        connection_limiter: Option<ConnectionLimiter>,
    ) -> Self {
        Self {
            connection: connection.metered(ConnectionMeter::opened(Side::Server)),
            caller,
            routes,
            life: Life::default(),
            pause: Pause::No,
            queued_before: 0,
            in_flight: InFlight::default(),
            shutdown,
            connection_limiter: connection_limiter.map(Box::new),
            draining: None,
        }
    }

    /// Drives the connection. Completes when the connection has ended.
    ///
    /// Calls, streams, reading and writing take turns, each with a part of the share. When the
    /// share is used up, the task yields.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), ConnectionError>> {
        if let Poll::Ready(deadline) = self.shutdown.poll(cx) {
            self.stop(deadline);
        }
        let share = &mut Share::new();
        loop {
            // Everything polled here has registered its wake-up. Another turn is needed only if
            // something may have become possible meanwhile: streams can send once the peer reads
            // more.
            self.poll_calls(cx, share)?;
            let has_more = self.poll_streams(cx, share);
            let peer_takes_more = self.poll_connection(cx, share)?;
            if self.life == Life::Over {
                return Poll::Ready(Ok(()));
            }
            if share.is_used_up() {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            if has_more || peer_takes_more {
                continue;
            }
            if ready!(self.poll_time(cx)) || self.life == Life::Over {
                return Poll::Ready(Ok(()));
            }
        }
    }

    /// Reads and writes as long as there is something to read. Returns true if the connection can
    /// make progress otherwise, see [`poll_write`](Self::poll_write).
    fn poll_connection(&mut self, cx: &mut Context<'_>, share: &mut Share) -> Result<bool, ConnectionError> {
        // A stream that fills the queue again and again must not keep the connection from reading.
        let mut goes_on = self.connection.is_congested() && self.poll_write(cx)?;
        loop {
            let has_read = self.poll_read(cx, share)?;
            goes_on |= self.poll_write(cx)?;
            if goes_on || !has_read || share.is_used_up() {
                return Ok(goes_on);
            }
        }
    }

    /// Answers the calls that have finished, whether or not the peer reads, because its handlers
    /// continue meanwhile.
    fn poll_calls(&mut self, cx: &mut Context<'_>, share: &mut Share) -> Result<(), ConnectionError> {
        while !share.is_used_up() {
            let Poll::Ready(Some(finished)) = self.in_flight.poll_call(cx) else {
                break;
            };
            share.use_one();
            self.mark_active();
            let id = finished.id.map(ReplyId::Owned);
            let origin = finished.origin.get();
            self.send_reply(id.as_ref(), finished.reply, || finished.trace, origin, cx);
            if self.connection.is_congested() {
                // Any number of calls may finish at the same time. The limit must stop them before
                // all have been answered.
                self.poll_write(cx)?;
            }
        }
        Ok(())
    }

    /// Sends the values of streams as long as the peer keeps up, and at most half of what is left
    /// of the share. Returns true if there may be more.
    fn poll_streams(&mut self, cx: &mut Context<'_>, share: &mut Share) -> bool {
        let mut turns = share.half();
        while !self.connection.is_congested() && !turns.is_used_up() {
            let Poll::Ready(Some((id, item))) = self.in_flight.poll_stream(cx) else {
                return false;
            };
            turns.use_one();
            share.use_one();
            if !self.emit(&id, item) {
                self.in_flight.end_stream(&id);
            }
        }
        turns.is_used_up()
    }

    /// Applies an event to the connection's life. Drops the streams once replies are not sent any
    /// more.
    fn pass(&mut self, event: Event) {
        self.life = self.life.after(event);
        if !self.life.answers() {
            self.in_flight.end_streams();
        }
    }
}
