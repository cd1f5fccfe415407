//! The inboxes of a client's calls: one subscription for all, and a task that passes each reply to
//! its call.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
};

use async_nats::{Client, Message, Subscriber};
use futures_util::StreamExt;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio_util::task::AbortOnDropHandle;

use crate::CallError;

/// Memory of a waiting message beside its payload, roughly, in bytes.
const OVERHEAD: usize = 64;

/// The inboxes of all calls of a client, below one prefix.
pub(crate) struct Inboxes {
    prefix: String,
    calls: Arc<Calls>,
    next: AtomicU64,
    reader: AbortOnDropHandle<()>,
}

#[derive(Default)]
struct Calls(Mutex<HashMap<u64, Call>>);

struct Call {
    replies: UnboundedSender<Delivery>,
    /// Number of bytes that wait to be taken.
    waiting: Arc<AtomicUsize>,
    max_waiting: usize,
}

/// What is passed to a call.
pub(crate) enum Delivery {
    Reply(Message),
    /// The call did not take its replies, and gets no more.
    Overflow,
}

/// The inbox of one call. The call gets no more replies once this is dropped.
pub(crate) struct Inbox {
    number: u64,
    inboxes: Arc<Inboxes>,
    replies: UnboundedReceiver<Delivery>,
    waiting: Arc<AtomicUsize>,
}

impl Inboxes {
    /// Subscribes, and starts the task that reads replies.
    pub(crate) async fn open(nats: &Client) -> Result<Self, CallError> {
        let prefix = nats.new_inbox();
        let subscribed = nats.subscribe(format!("{prefix}.*")).await;
        let messages = subscribed.map_err(|_| CallError::Closed)?;
        let calls: Arc<Calls> = Arc::default();
        let reader = tokio::spawn(read(messages, Arc::clone(&calls)));
        Ok(Self {
            prefix,
            calls,
            next: AtomicU64::new(0),
            reader: AbortOnDropHandle::new(reader),
        })
    }

    /// Returns true if no more replies come: the connection is closed for good, or the runtime of
    /// the call that opened this has ended.
    pub(crate) fn is_over(&self) -> bool {
        self.reader.is_finished()
    }

    /// Makes an inbox. `max_waiting` is the maximum number of bytes that wait to be taken.
    pub(crate) fn inbox(self: &Arc<Self>, max_waiting: usize) -> Inbox {
        let number = self.next.fetch_add(1, Relaxed);
        let (sender, replies) = unbounded_channel();
        let waiting: Arc<AtomicUsize> = Arc::default();
        let call = Call {
            replies: sender,
            waiting: Arc::clone(&waiting),
            max_waiting,
        };
        self.calls.lock().insert(number, call);
        Inbox {
            number,
            inboxes: Arc::clone(self),
            replies,
            waiting,
        }
    }
}

async fn read(mut messages: Subscriber, calls: Arc<Calls>) {
    // When the subscription ends, or the runtime drops this, the calls see that no reply comes.
    let calls = EndsCalls(calls);
    while let Some(message) = messages.next().await {
        calls.0.deliver(message);
    }
}

struct EndsCalls(Arc<Calls>);

impl Drop for EndsCalls {
    fn drop(&mut self) {
        self.0.lock().clear();
    }
}

impl Calls {
    fn lock(&self) -> MutexGuard<'_, HashMap<u64, Call>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Passes a message to its call. A reply that comes after the end of its call is dropped.
    fn deliver(&self, message: Message) {
        let number = message
            .subject
            .rsplit('.')
            .next()
            .and_then(|number| number.parse().ok());
        let Some(number) = number else { return };
        let mut calls = self.lock();
        let Some(call) = calls.get(&number) else { return };
        let size = message.payload.len() + OVERHEAD;
        // A single reply of any size is taken.
        let waiting = call.waiting.fetch_add(size, Relaxed);
        if waiting > 0 && waiting + size > call.max_waiting {
            let _ = call.replies.send(Delivery::Overflow);
            calls.remove(&number);
        } else if call.replies.send(Delivery::Reply(message)).is_err() {
            calls.remove(&number);
        }
    }
}

impl Inbox {
    /// Returns the subject to which replies are sent.
    pub(crate) fn subject(&self) -> String {
        format!("{}.{}", self.inboxes.prefix, self.number)
    }

    /// Waits for a delivery. Completes with `None` if no more can come.
    pub(crate) fn poll_delivery(&mut self, cx: &mut std::task::Context<'_>) -> std::task::Poll<Option<Delivery>> {
        self.replies.poll_recv(cx).map(|delivery| {
            if let Some(Delivery::Reply(message)) = &delivery {
                self.waiting.fetch_sub(message.payload.len() + OVERHEAD, Relaxed);
            }
            delivery
        })
    }
}

impl Drop for Inbox {
    fn drop(&mut self) {
        self.inboxes.calls.lock().remove(&self.number);
    }
}
