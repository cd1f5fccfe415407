//! The states of one client's connections: combines them, and moves the packets that wait on lost
//! connections.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError, Weak,
    atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
};

use tokio::sync::{Notify, watch};
use tracing::warn;

use crate::client::{ConnectionState, DisconnectReason, StateStream, channel::RequestChannel};

/// The combined state of one client's connections.
#[derive(Debug)]
pub(in crate::client) struct StatePublisher {
    known: Mutex<Known>,
    together: watch::Sender<ConnectionState>,
    /// Notified when the state of any connection changes.
    pub(in crate::client) changed: Notify,
    /// Number of connections that were lost while they took calls.
    losses: AtomicU64,
}

#[derive(Debug, Default)]
struct Known {
    /// The connections that take calls, or will.
    links: Vec<KnownLink>,
    /// The connections that take no more calls.
    retired: Vec<(Arc<LinkStatus>, Weak<RequestChannel>)>,
}

#[derive(Debug)]
struct KnownLink {
    status: Arc<LinkStatus>,
    state: ConnectionState,
    /// Where packets wait that can move to another connection. Of a single connection they cannot,
    /// and there is no channel here.
    channel: Weak<RequestChannel>,
}

/// Reports the state of one connection.
#[derive(Debug, Clone)]
pub(in crate::client) struct StateReporter {
    pub(in crate::client) publisher: Arc<StatePublisher>,
    status: Arc<LinkStatus>,
}

#[derive(Debug, Default)]
struct LinkStatus {
    is_connected: AtomicBool,
    is_retired: AtomicBool,
    /// Number of times that the connection was established.
    openings: AtomicU64,
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

/// Hands the packets that wait on `channel` back to their callers, so that the callers submit them
/// to another connection. Queues events without a caller on one of `others`.
fn move_from(channel: &RequestChannel, others: &[&[Arc<RequestChannel>]]) {
    for event in channel.hand_back() {
        let begun = Err(event);
        let moved = others
            .iter()
            .fold(begun, |moved, channels| moved.or_else(|event| adopted(event, channels)));
        match moved {
            Ok(()) => channel.free(),
            Err(event) => channel.keep(event),
        }
    }
}

impl StatePublisher {
    /// Returns a publisher that has no connections yet.
    pub(in crate::client) fn new() -> Arc<Self> {
        Arc::new(Self {
            known: Mutex::default(),
            together: watch::Sender::new(ConnectionState::Disconnected(DisconnectReason::NotYet)),
            changed: Notify::new(),
            losses: AtomicU64::new(0),
        })
    }

    /// Adds a connection, which has not been opened. Returns its reporter.
    pub(in crate::client) fn reporter(self: &Arc<Self>) -> StateReporter {
        let status = Arc::<LinkStatus>::default();
        let mut known = self.lock();
        known.retired.retain(|(_, channel)| channel.strong_count() > 0);
        known.links.push(KnownLink {
            status: Arc::clone(&status),
            state: ConnectionState::Disconnected(DisconnectReason::NotYet),
            channel: Weak::new(),
        });
        drop(known);
        StateReporter {
            publisher: Arc::clone(self),
            status,
        }
    }

    /// Hands the packets that wait on lost connections back to their callers, if any other
    /// connection is open, so that the callers submit them there. Those of lost connections that
    /// take no more calls are handed back in any case. Events without a caller are queued directly.
    pub(in crate::client) fn move_waiting(&self) {
        let (connected, lost, retired) = self.channels();
        for channel in retired {
            move_from(&channel, &[&connected, &lost]);
        }
        if connected.is_empty() {
            return;
        }
        for channel in lost {
            move_from(&channel, &[&connected]);
        }
    }

    /// Queues an event that was handed back after its caller had been dropped: on an open
    /// connection, or otherwise on any connection.
    pub(in crate::client) fn adopt(&self, event: Vec<u8>) {
        let (connected, lost, _) = self.channels();
        if adopted(event, &connected)
            .or_else(|event| adopted(event, &lost))
            .is_err()
        {
            warn!(
                "an event is lost: its connection was lost, its sender has gone, and no other connection has room for it"
            );
        }
    }

    /// Returns the channels of the open connections, those of the others, and those of lost
    /// connections that take no more calls. All are empty for a client with one connection.
    fn channels(&self) -> (Channels, Channels, Channels) {
        let known = self.lock();
        let (mut connected, mut lost) = (Channels::new(), Channels::new());
        for link in &known.links {
            let channels = match link.status.is_connected.load(Relaxed) {
                true => &mut connected,
                false => &mut lost,
            };
            channels.extend(link.channel.upgrade());
        }
        let retired = known.retired.iter();
        let retired = retired.filter(|(status, _)| !status.is_connected.load(Relaxed));
        let retired = retired.filter_map(|(_, channel)| channel.upgrade()).collect();
        (connected, lost, retired)
    }

    /// Publishes the combined state. Runs within the lock, so that states are published in the
    /// order in which they occurred.
    fn publish(&self, known: &Known, newest: Option<&Arc<LinkStatus>>) {
        self.together.send_if_modified(|told| {
            let Some(together) = together(&known.links, newest, told) else {
                return false;
            };
            let is_old = matches!(
                (&*told, &together),
                (ConnectionState::Connected, ConnectionState::Connected)
                    | (ConnectionState::Connecting, ConnectionState::Connecting)
            );
            *told = together;
            !is_old
        });
    }

    /// Publishes the end of a client that has no connection whose end could be published.
    pub(in crate::client) fn closed(&self) {
        let mut known = self.lock();
        known.links.clear();
        self.together
            .send_replace(ConnectionState::Disconnected(DisconnectReason::Closed));
    }

    pub(in crate::client) fn state(&self) -> ConnectionState {
        self.together.borrow().clone()
    }

    pub(in crate::client) fn states(&self) -> StateStream {
        StateStream::of(self.together.subscribe())
    }

    /// Returns the number of connections that were lost while they took calls.
    pub(in crate::client) fn losses(&self) -> u64 {
        self.losses.load(Relaxed)
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl StateReporter {
    /// Sets the channel of one of several connections, so that packets that wait on it can move to
    /// another connection.
    pub(in crate::client) fn set_channel(&self, channel: &Arc<RequestChannel>) {
        let mut known = self.publisher.lock();
        let link = known
            .links
            .iter_mut()
            .find(|link| Arc::ptr_eq(&link.status, &self.status));
        if let Some(link) = link {
            link.channel = Arc::downgrade(channel);
        }
    }

    pub(in crate::client) fn post(&self, state: ConnectionState) {
        let is_connected = state.is_connected();
        let was_connected = self.status.is_connected.swap(is_connected, Relaxed);
        if is_connected && !was_connected {
            self.status.openings.fetch_add(1, Relaxed);
        }
        let mut known = self.publisher.lock();
        let link = known
            .links
            .iter_mut()
            .find(|link| Arc::ptr_eq(&link.status, &self.status));
        if let Some(link) = link {
            link.state = state;
            self.publisher.publish(&known, Some(&self.status));
            if was_connected && !is_connected {
                self.publisher.losses.fetch_add(1, Relaxed);
            }
        }
        drop(known);
        self.publisher.move_waiting();
        self.publisher.changed.notify_one();
    }

    /// Records that the connection takes no more calls: its state no longer counts.
    pub(in crate::client) fn retire(&self) {
        self.status.is_retired.store(true, Relaxed);
        let mut known = self.publisher.lock();
        let index = known
            .links
            .iter()
            .position(|link| Arc::ptr_eq(&link.status, &self.status));
        if let Some(index) = index {
            let link = known.links.remove(index);
            known.retired.push((link.status, link.channel));
            self.publisher.publish(&known, None);
        }
    }

    pub(in crate::client) fn is_connected(&self) -> bool {
        self.status.is_connected.load(Relaxed)
    }

    pub(in crate::client) fn is_retired(&self) -> bool {
        self.status.is_retired.load(Relaxed)
    }

    /// Returns the number of times that the connection was established.
    pub(in crate::client) fn openings(&self) -> u64 {
        self.status.openings.load(Relaxed)
    }
}

/// Returns the best of the states, or the newest if no state is better than the others. Returns
/// `None` if the published state stays: a connection was removed that was not the last open one.
fn together(links: &[KnownLink], newest: Option<&Arc<LinkStatus>>, told: &ConnectionState) -> Option<ConnectionState> {
    let is_connecting = |link: &KnownLink| matches!(link.state, ConnectionState::Connecting);
    if links.iter().any(|link| link.state.is_connected()) {
        return Some(ConnectionState::Connected);
    }
    if links.iter().any(is_connecting) {
        return Some(ConnectionState::Connecting);
    }
    let state = match newest {
        Some(newest) => links.iter().find(|link| Arc::ptr_eq(&link.status, newest)),
        None => links.last().filter(|_| told.is_connected()),
    };
    state.map(|link| link.state.clone())
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
        let publisher = StatePublisher::new();
        let (one, other) = (publisher.reporter(), publisher.reporter());
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

    #[test]
    fn a_connection_that_takes_no_more_calls_does_not_count() {
        let publisher = StatePublisher::new();
        let (old, new) = (publisher.reporter(), publisher.reporter());
        let mut states = publisher.states();
        let mut told = || format!("{:?}", states.next().now_or_never());
        old.post(ConnectionState::Connected);
        new.post(ConnectionState::Connected);
        assert_eq!(told(), "Some(Some(Connected))");
        old.retire();
        old.post(lost());
        assert_eq!(told(), "None", "nothing new");
        assert_eq!(publisher.losses(), 0);
        new.post(lost());
        assert_eq!(told(), "Some(Some(Disconnected(ByPeer)))");
        assert_eq!(publisher.losses(), 1);
        new.post(ConnectionState::Connected);
        let other = publisher.reporter();
        other.post(lost());
        assert_eq!(told(), "Some(Some(Connected))");
        new.retire();
        assert_eq!(told(), "Some(Some(Disconnected(ByPeer)))", "the last open one");
    }
}
