//! The observable connection state of a client.

use std::{
    fmt,
    pin::Pin,
    sync::{
        Arc, Mutex, OnceLock, PoisonError, Weak,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    task::{Context, Poll, ready},
};

use futures_util::Stream;
use tokio::sync::watch;
use tokio_util::sync::ReusableBoxFuture;
use tracing::warn;

use crate::client::{DisconnectReason, channel::RequestChannel};

/// Whether a client is connected: Nest's `status`, with reasons.
///
/// A client with several connections is connected if any of them is, otherwise connecting if any
/// is.
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
    fn of(mut receiver: watch::Receiver<ConnectionState>) -> Self {
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

/// The combined state of one client's connections.
#[derive(Debug)]
pub(super) struct StatePublisher {
    each: Mutex<Vec<ConnectionState>>,
    together: watch::Sender<ConnectionState>,
    /// The connections, if there are several: packets that wait on a lost connection move to
    /// another.
    links: OnceLock<Vec<(Arc<AtomicBool>, Weak<RequestChannel>)>>,
}

type Channels = Vec<Arc<RequestChannel>>;

/// Queues an event on one of these channels, beginning with a random channel. Returns the event if
/// no channel has room for it.
fn adopted(mut event: Vec<u8>, channels: &[Arc<RequestChannel>]) -> Result<(), Vec<u8>> {
    let (before, after) = channels.split_at(fastrand::usize(..=channels.len()));
    for channel in after.iter().chain(before) {
        match channel.adopt(event) {
            Ok(()) => return Ok(()),
            Err(returned) => event = returned,
        }
    }
    Err(event)
}

/// Reports the state of one connection.
#[derive(Debug, Clone)]
pub(super) struct StateReporter {
    publisher: Arc<StatePublisher>,
    index: usize,
    is_connected: Arc<AtomicBool>,
}

impl StatePublisher {
    /// Returns a publisher for `links` connections, none of which has been opened.
    pub(super) fn new(links: usize) -> Arc<Self> {
        let state = ConnectionState::Disconnected(DisconnectReason::NotYet);
        Arc::new(Self {
            each: Mutex::new(vec![state.clone(); links]),
            together: watch::Sender::new(state),
            links: OnceLock::new(),
        })
    }

    /// Sets the channels of several connections, in the order of the connections, so that packets
    /// that wait on a lost connection can move to another.
    pub(super) fn connect<'a>(&self, links: impl Iterator<Item = (&'a StateReporter, &'a Arc<RequestChannel>)>) {
        let links = links.map(|(reporter, channel)| (Arc::clone(&reporter.is_connected), Arc::downgrade(channel)));
        // This method is called once.
        let _ = self.links.set(links.collect());
    }

    /// Hands the packets that wait on lost connections back to their callers, if any other
    /// connection is open, so that the callers submit them there. Events without a caller are
    /// queued directly.
    pub(super) fn move_waiting(&self) {
        let (connected, lost) = self.channels();
        if connected.is_empty() {
            return;
        }
        for channel in lost {
            for event in channel.hand_back() {
                match adopted(event, &connected) {
                    Ok(()) => channel.free(),
                    Err(event) => channel.keep(event),
                }
            }
        }
    }

    /// Queues an event that was handed back after its caller had been dropped: on an open
    /// connection, or otherwise on any connection.
    pub(super) fn adopt(&self, event: Vec<u8>) {
        let (connected, lost) = self.channels();
        if adopted(event, &connected)
            .or_else(|event| adopted(event, &lost))
            .is_err()
        {
            warn!(
                "an event is lost: its connection was lost, its sender has gone, and no other connection has room for it"
            );
        }
    }

    /// Returns the channels of the open connections, and those of the others. Both are empty for a
    /// client with one connection.
    fn channels(&self) -> (Channels, Channels) {
        let links = self.links.get().into_iter().flatten();
        let (mut connected, mut lost) = (Channels::new(), Channels::new());
        for (is_connected, channel) in links {
            let channels = if is_connected.load(Relaxed) {
                &mut connected
            } else {
                &mut lost
            };
            channels.extend(channel.upgrade());
        }
        (connected, lost)
    }

    pub(super) fn reporter(self: &Arc<Self>, index: usize) -> StateReporter {
        StateReporter {
            publisher: Arc::clone(self),
            index,
            is_connected: Arc::default(),
        }
    }

    pub(super) fn state(&self) -> ConnectionState {
        self.together.borrow().clone()
    }

    pub(super) fn states(&self) -> StateStream {
        StateStream::of(self.together.subscribe())
    }
}

impl StateReporter {
    pub(super) fn post(&self, state: ConnectionState) {
        self.is_connected.store(state.is_connected(), Relaxed);
        let mut each = self.publisher.each.lock().unwrap_or_else(PoisonError::into_inner);
        each[self.index] = state;
        let together = together(&each, self.index);
        // Within the lock, so that states are published in the order in which they occurred.
        self.publisher.together.send_if_modified(|told| {
            let is_old = matches!(
                (&*told, &together),
                (ConnectionState::Connected, ConnectionState::Connected)
                    | (ConnectionState::Connecting, ConnectionState::Connecting)
            );
            *told = together;
            !is_old
        });
        drop(each);
        self.publisher.move_waiting();
    }

    pub(super) fn is_connected(&self) -> bool {
        self.is_connected.load(Relaxed)
    }
}

/// Returns the best of the states, or the newest if no state is better than the others.
fn together(each: &[ConnectionState], newest: usize) -> ConnectionState {
    let is_connecting = |state: &ConnectionState| matches!(state, ConnectionState::Connecting);
    if each.iter().any(ConnectionState::is_connected) {
        ConnectionState::Connected
    } else if each.iter().any(is_connecting) {
        ConnectionState::Connecting
    } else {
        each[newest].clone()
    }
}

#[cfg(test)]
mod tests {
    use futures_util::{FutureExt, StreamExt};

    use super::*;

    fn lost() -> ConnectionState {
        ConnectionState::Disconnected(DisconnectReason::ByPeer)
    }

    #[test]
    fn a_client_is_connected_as_long_as_any_of_its_links_is() {
        let publisher = StatePublisher::new(2);
        let (one, other) = (publisher.reporter(0), publisher.reporter(1));
        let mut states = publisher.states();
        let mut told = || format!("{:?}", states.next().now_or_never());
        assert_eq!(told(), "Some(Some(Disconnected(NotYet)))");
        one.post(ConnectionState::Connecting);
        assert_eq!(told(), "Some(Some(Connecting))");
        one.post(ConnectionState::Connected);
        other.post(ConnectionState::Connecting);
        assert_eq!(told(), "Some(Some(Connected))");
        other.post(ConnectionState::Connected);
        one.post(lost());
        assert_eq!(told(), "None", "nothing new");
        assert!(other.is_connected() && !one.is_connected());
        other.post(lost());
        assert_eq!(told(), "Some(Some(Disconnected(ByPeer)))");
        drop((publisher, one, other));
        assert_eq!(told(), "Some(None)");
    }
}
