//! The observable connection state of a client.

pub(in crate::client) mod publisher;

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
};

use futures_util::Stream;
use tokio::sync::watch;
use tokio_util::sync::ReusableBoxFuture;

use crate::client::DisconnectReason;

/// Whether a client is connected: Nest's `status`, with reasons.
///
/// A client with several connections is connected if any of them is, otherwise connecting if any
/// is. Only the connections count that take calls: one that was replaced
/// ([`ClientBuilder::max_age`](crate::client::ClientBuilder::max_age)) or whose address is gone
/// ([`Target::discover`](crate::client::Target::discover)) no longer does, so that its end is not
/// published. A client that has not found any address yet is connecting while it asks for them, and
/// disconnected with [`DisconnectReason::Unreachable`] if the answer is an error.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum ConnectionState {
    /// There is no connection, for this reason.
    Disconnected(DisconnectReason),
    /// An attempt to connect is under way.
    Connecting,
    /// There is a connection.
    Connected,
}

impl ConnectionState {
    /// Returns true if there is a connection.
    #[must_use]
    pub const fn is_connected(&self) -> bool {
        matches!(self, Self::Connected)
    }
}

/// The states of a client as a stream, beginning with the current one; see
/// [`Client::states`](crate::client::Client::states).
///
/// A reader that polls seldom receives the newest state and may miss earlier ones. The stream ends
/// when the client and its task have ended; it keeps neither alive.
#[must_use = "a stream does nothing unless it is polled"]
pub struct StateStream(ReusableBoxFuture<'static, (Option<ConnectionState>, watch::Receiver<ConnectionState>)>);

impl StateStream {
    pub(super) fn of(mut receiver: watch::Receiver<ConnectionState>) -> Self {
        receiver.mark_changed();
        Self(ReusableBoxFuture::new(next(receiver)))
    }
}

impl Stream for StateStream {
    type Item = ConnectionState;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<ConnectionState>> {
        let (state, receiver) = ready!(self.0.poll(cx));
        self.0.set(next(receiver));
        Poll::Ready(state)
    }
}

async fn next(
    mut receiver: watch::Receiver<ConnectionState>,
) -> (Option<ConnectionState>, watch::Receiver<ConnectionState>) {
    let state = match receiver.changed().await {
        Ok(()) => Some(receiver.borrow_and_update().clone()),
        Err(_) => None,
    };
    (state, receiver)
}

impl fmt::Debug for StateStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StateStream").finish_non_exhaustive()
    }
}
