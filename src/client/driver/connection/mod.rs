//! One connection of the client, from its beginning to its end.

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
        channel::call_key::CallKey,
        driver::{connection::batch::Batch, receiver::RequestReceiver},
        state::StateReporter,
    },
    compat::Compat,
    connection::{Connection, ConnectionError},
    packet::{CallId, ReplyOutcome},
};

/// How many rounds are made before others have their turn: with a service that always has more,
/// each reads a segment.
const ROUNDS: usize = 32;

pub(in crate::client) struct ActiveConnection<'a, IO> {
    connection: Connection<IO>,
    compat: Compat,
    receiver: &'a mut RequestReceiver,
    reporter: &'a StateReporter,
    /// How many bytes have been sent so far.
    sent: u64,
    /// Events that are written but not wholly sent, in that order, and how many bytes will have
    /// been sent when they are.
    unsent: VecDeque<(u64, CallKey)>,
    /// What has been read and not been handed over.
    replies: Vec<(CallId, ReplyOutcome)>,
    /// Whether a stream may be full, so that nothing is read.
    is_paused: bool,
    /// The service takes no more calls: nothing is written any more. What it owes has until this
    /// ends.
    refusing: Option<Pin<Box<Sleep>>>,
    /// Packets on their way through a framing of the user's. Kept for its memory.
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
            is_paused: false,
            refusing: None,
            batch: Batch::default(),
        }
    }

    /// Carries packets until the connection ends, and fails the pending calls with the reason.
    /// Returns the connection too, for its end in order.
    pub(in crate::client) async fn run(mut self) -> (DisconnectReason, Connection<IO>) {
        // Before anything is read: what waits for a connection has had one, though that be lost at
        // once. Else a service that accepts and closes would be called again and again.
        self.write();
        let reason = match poll_fn(|cx| self.poll(cx)).await {
            Ok(()) => DisconnectReason::Closed,
            Err(reason) => reason,
        };
        tracing::debug!(error = &reason as &dyn std::error::Error, "disconnected");
        self.receiver.fail_sent(reason.clone());
        (reason, self.connection)
    }

    /// Ready with `Ok` when nobody needs the connection any more.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), DisconnectReason>> {
        for _ in 0..ROUNDS {
            // All of them, each time: every one registers its own wake-up. Replies first: should
            // the connection have ended, what is not yet written stays where it is, for the next
            // connection.
            let received = self.poll_replies(cx)?;
            if !received && !has_budget_remaining() {
                // Nothing was found because nothing was looked for: it is not known whether the
                // connection has ended.
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
            // Only what has not registered its wake-up is polled again: with one call at a time,
            // each round counts.
            if !(received || is_relieved) {
                return Poll::Pending;
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// The service has said that it takes no more calls. What waits to be written goes to the next
    /// connection, or to another host; what the service owes is read until it closes.
    fn refused(&mut self) {
        if self.refusing.is_none() {
            tracing::debug!("the service is stopping");
            self.refusing = Some(Box::pin(sleep(self.receiver.drain_timeout)));
            self.reporter
                .post(ConnectionState::Disconnected(DisconnectReason::Stopping));
        }
    }

    /// Returns true if the service takes no more calls, and owes nothing, or owes it for too long.
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
