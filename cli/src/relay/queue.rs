//! The way of events to a thread of their own: traffic never waits for what is done with them.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
    },
};

use nest_wire::recording::{Content, Event, Side};
use tokio::sync::{
    mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    oneshot,
};

use crate::traffic::busy::Busy;

/// Maximum number of bytes that wait for the thread. Bytes of traffic beyond that are lost to it,
/// and the gap is marked.
const MAX_WAITING_BYTES: usize = 256 * 1024 * 1024;
/// What an event without bytes counts.
const EVENT_BYTES: usize = 64;

/// Returns both ends of a queue.
pub(crate) fn queue() -> (Sender, Receiver) {
    let (sender, receiver) = unbounded_channel();
    let shared = Arc::new(Shared::default());
    let sender = Sender {
        messages: sender,
        shared: Arc::clone(&shared),
    };
    let messages = receiver;
    (sender, Receiver { messages, shared })
}

/// What the thread receives.
#[derive(Debug)]
pub(crate) enum Message {
    Event(Event),
    /// Asks which connections are busy, after all earlier events.
    AskBusy(oneshot::Sender<Busy>),
}

#[derive(Default)]
struct Shared {
    waiting_bytes: AtomicUsize,
    is_used: AtomicBool,
    has_lost: AtomicBool,
    /// Number of bytes that were lost since the last event of a side that was not.
    gaps: Mutex<HashMap<(u32, Side), u64>>,
}

/// Sends events to the thread.
#[derive(Clone)]
pub(crate) struct Sender {
    messages: UnboundedSender<Message>,
    shared: Arc<Shared>,
}

/// Receives them there.
pub(crate) struct Receiver {
    messages: UnboundedReceiver<Message>,
    shared: Arc<Shared>,
}

impl Sender {
    /// Sends an event. Returns false if it found no room: its bytes are lost.
    pub(crate) fn send(&self, event: Event) -> bool {
        let bytes = size(&event);
        self.shared.is_used.store(true, Relaxed);
        let waiting = self.shared.waiting_bytes.fetch_add(bytes, Relaxed);
        if let Content::Segment(segment) = &event.content
            && waiting > MAX_WAITING_BYTES
        {
            self.shared.waiting_bytes.fetch_sub(bytes, Relaxed);
            self.shared.lose(&event, segment.len() as u64);
            return false;
        }
        if self.shared.has_lost.load(Relaxed)
            && let Some(missing) = self.shared.gap_before(&event)
        {
            self.shared.waiting_bytes.fetch_add(size(&missing), Relaxed);
            let _ = self.messages.send(Message::Event(missing));
        }
        // The thread is gone only if it panicked, which its end reports.
        let _ = self.messages.send(Message::Event(event));
        true
    }

    /// Returns the connections that are busy after all that has been sent so far, or `None` if the
    /// thread is gone.
    pub(crate) async fn busy(&self) -> Option<Busy> {
        let (ask, answer) = oneshot::channel();
        let _ = self.messages.send(Message::AskBusy(ask));
        answer.await.ok()
    }

    /// Returns true if no event has been sent.
    pub(crate) fn is_unused(&self) -> bool {
        !self.shared.is_used.load(Relaxed)
    }
}

impl Receiver {
    /// Returns the next message, or `None` once all senders are gone.
    pub(crate) async fn recv(&mut self) -> Option<Message> {
        self.messages.recv().await.map(|message| self.taken(message))
    }

    /// Waits for the next message on a thread without a runtime.
    pub(crate) fn blocking_recv(&mut self) -> Option<Message> {
        self.messages.blocking_recv().map(|message| self.taken(message))
    }

    /// Returns the next message if there is one.
    pub(crate) fn try_recv(&mut self) -> Option<Message> {
        self.messages.try_recv().ok().map(|message| self.taken(message))
    }

    /// Returns true if bytes were lost.
    pub(crate) fn has_lost(&self) -> bool {
        self.shared.has_lost.load(Relaxed)
    }

    fn taken(&self, message: Message) -> Message {
        if let Message::Event(event) = &message {
            self.shared.waiting_bytes.fetch_sub(size(event), Relaxed);
        }
        message
    }
}

impl Shared {
    fn lose(&self, event: &Event, bytes: u64) {
        let mut gaps = self.gaps.lock().unwrap_or_else(PoisonError::into_inner);
        *gaps.entry((event.connection, event.from)).or_default() += bytes;
        self.has_lost.store(true, Relaxed);
    }

    /// Returns what marks the gap before an event, if there is one.
    fn gap_before(&self, event: &Event) -> Option<Event> {
        let mut gaps = self.gaps.lock().unwrap_or_else(PoisonError::into_inner);
        let bytes = gaps.remove(&(event.connection, event.from))?;
        let missing = Event::new(event.connection, event.from, Content::Missing(bytes));
        Some(match event.at {
            Some(at) => missing.at(at),
            None => missing,
        })
    }
}

fn size(event: &Event) -> usize {
    match &event.content {
        Content::Segment(bytes) => bytes.len() + EVENT_BYTES,
        _ => EVENT_BYTES,
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn segment(connection: u32, bytes: usize) -> Event {
        let bytes = Bytes::from(vec![b'x'; bytes]);
        Event::new(connection, Side::Caller, Content::Segment(bytes))
    }

    /// Returns the next event, if there is one.
    fn next(receiver: &mut Receiver) -> Option<Event> {
        receiver.try_recv().map(|message| match message {
            Message::Event(event) => event,
            Message::AskBusy(_) => unreachable!("nobody asks"),
        })
    }

    #[test]
    fn bytes_that_find_no_room_leave_a_gap_that_is_marked_on_their_connection() {
        let (sender, mut receiver) = queue();
        sender.send(segment(1, MAX_WAITING_BYTES + 1));
        sender.send(segment(1, 10));
        sender.send(segment(1, 5));
        sender.send(segment(2, 7));
        assert_eq!(next(&mut receiver), Some(segment(1, MAX_WAITING_BYTES + 1)));
        assert_eq!(next(&mut receiver), None);
        sender.send(segment(1, 1));
        let end = Event::new(2, Side::Caller, Content::End);
        sender.send(end.clone());
        let missing = |connection, bytes| Event::new(connection, Side::Caller, Content::Missing(bytes));
        let received: Vec<Event> = std::iter::from_fn(|| next(&mut receiver)).collect();
        assert_eq!(received, [missing(1, 15), segment(1, 1), missing(2, 7), end]);
        assert!(receiver.has_lost());
    }

    #[test]
    fn what_was_received_leaves_room() {
        let (sender, mut receiver) = queue();
        for _ in 0..3 {
            sender.send(segment(1, MAX_WAITING_BYTES));
            assert!(receiver.blocking_recv().is_some());
        }
        assert!(!receiver.has_lost());
        drop(sender);
        assert!(receiver.blocking_recv().is_none());
    }
}
