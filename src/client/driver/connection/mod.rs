//! One connection of a client, from its beginning to its end.

pub(in crate::client) mod batch;
pub(in crate::client) mod reading;
pub(in crate::client) mod writing;

use std::{
    collections::VecDeque,
    future::{Future, poll_fn},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use tokio::{
    io::{AsyncRead, AsyncWrite},
    task::coop::has_budget_remaining,
    time::{Sleep, sleep},
};

use crate::{
    client::{
        ConnectionState, DisconnectReason,
        channel::pending::call::CallKey,
        driver::{connection::batch::Batch, receiver::RequestReceiver},
        state::publisher::StateReporter,
    },
    compat::Compat,
    connection::{Connection, ConnectionError},
    packet::{CallId, RawJson, ReplyOutcome},
};

/// Maximum number of rounds before other tasks have their turn; each reads a segment if the service
/// always sends more.
const ROUNDS: usize = 32;

pub(in crate::client) struct ActiveConnection<'a, IO> {
    connection: Connection<IO>,
    compat: Compat,
    receiver: &'a mut RequestReceiver,
    reporter: &'a StateReporter,
    /// Number of bytes sent so far.
    sent: u64,
    /// Events that are written but not completely sent, in this order, each with the number of
    /// bytes that are sent by then.
    unsent: VecDeque<(u64, CallKey)>,
    /// Replies that are read and not delivered yet.
    replies: Vec<(CallId, ReplyOutcome)>,
    /// The whole packets of these replies, once a call wants them.
    packets: Vec<RawJson>,
    /// True if nothing is read, because a stream may be full.
    is_paused: bool,
    /// Set once the service accepts no more calls: nothing more is written. Limits the time for the
    /// replies that the service owes.
    refusing: Option<Pin<Box<Sleep>>>,
    /// Packets on their way through a custom framing. Kept for its memory.
    batch: Batch,
}

impl<'a, IO: AsyncRead + AsyncWrite + Unpin> ActiveConnection<'a, IO> {
    pub(in crate::client) fn new(
        connection: Connection<IO>,
        compat: Compat,
        receiver: &'a mut RequestReceiver,
        reporter: &'a StateReporter,
    ) -> Self {
        Self {
            connection,
            compat,
            receiver,
            reporter,
            sent: 0,
            unsent: VecDeque::new(),
            replies: Vec::new(),
            packets: Vec::new(),
            is_paused: false,
            refusing: None,
            batch: Batch::default(),
        }
    }

    /// Transfers packets until the connection ends, and fails the calls that were written with the
    /// reason. Returns the reason, and the connection for its orderly end.
    pub(in crate::client) async fn run(mut self) -> (DisconnectReason, Connection<IO>) {
        // Written before anything is read: a call that waits for a connection has got one, even if
        // it is lost at once. Otherwise the client would connect again and again to a service that
        // accepts and closes.
        self.write();
        let reason = match poll_fn(|cx| self.poll(cx)).await {
            Ok(()) => DisconnectReason::Closed,
            Err(reason) => reason,
        };
        tracing::debug!(error = &reason as &dyn std::error::Error, "disconnected");
        self.receiver.fail_sent(reason.clone());
        (reason, self.connection)
    }

    /// Reads and writes in rounds. Returns `Ok` when no call needs the connection any more.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), DisconnectReason>> {
        for _ in 0..ROUNDS {
            // Each round polls everything, because each source registers its own waker. Replies
            // come first: if the connection has ended, packets that are not written yet stay queued
            // for the next connection.
            let received = self.poll_replies(cx)?;
            if !received && !has_budget_remaining() {
                // Nothing was read because the task has no budget left: the connection may have
                // ended.
                break;
            }
            self.receiver.poll(cx);
            self.write();
            let is_relieved = self.poll_write(cx)?;
            if self.receiver.is_overdue() {
                return Poll::Ready(Err(DisconnectReason::Closed));
            }
            if self.connection.queued() == 0 && self.receiver.is_drained() {
                return Poll::Ready(Ok(()));
            }
            if self.is_refused(cx) {
                return Poll::Ready(Err(DisconnectReason::Stopping));
            }
            // Another round follows only if a source has not registered its waker: with one call at
            // a time, each round counts.
            if !(received || is_relieved) {
                return Poll::Pending;
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Handles the statement of the service that it accepts no more calls. Packets that are not
    /// written yet go to the next connection, or to another host; replies that the service owes are
    /// read until it closes.
    fn refused(&mut self) {
        if self.refusing.is_none() {
            tracing::debug!("the service is stopping");
            self.refusing = Some(Box::pin(sleep(self.receiver.drain_timeout)));
            self.reporter
                .post(ConnectionState::Disconnected(DisconnectReason::Stopping));
        }
    }

    /// Returns true if the service accepts no more calls, and nothing is left to send or to receive
    /// or the drain timeout has expired.
    fn is_refused(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(end) = &mut self.refusing else {
            return false;
        };
        let is_owed = self.connection.queued() > 0 || self.receiver.channel.lock().is_owed();
        !is_owed || end.as_mut().poll(cx).is_ready()
    }
}

fn failed(error: ConnectionError) -> DisconnectReason {
    DisconnectReason::Failed(Arc::new(error))
}
