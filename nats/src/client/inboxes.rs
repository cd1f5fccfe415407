//! The inboxes of a client's calls: one subscription for all, and a task that passes each reply to
//! its call.

use std::{
    collections::{HashMap, VecDeque},
    mem,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    task::{Context, Poll, Waker},
};

use async_nats::{Client, Message, Subscriber};
use futures_util::StreamExt;
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
struct Calls(Mutex<HashMap<u64, Mailbox>>);

/// The replies to one call that it has not taken.
struct Mailbox {
    /// Most calls have one reply, which needs no memory of its own.
    first: Option<Message>,
    /// The replies after the first.
    more: VecDeque<Message>,
    /// Number of bytes that wait to be taken.
    waiting: usize,
    max_waiting: usize,
    has_overflowed: bool,
    waker: Option<Waker>,
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
        self.calls.lock().insert(number, Mailbox::new(max_waiting));
        Inbox {
            number,
            inboxes: Arc::clone(self),
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
        let ended = mem::take(&mut *self.0.lock());
        for waker in ended.into_values().filter_map(|mailbox| mailbox.waker) {
            waker.wake();
        }
    }
}

impl Calls {
    fn lock(&self) -> MutexGuard<'_, HashMap<u64, Mailbox>> {
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
        // The waker runs foreign code, so the lock is released first.
        let waker = self.lock().get_mut(&number).and_then(|mailbox| mailbox.put(message));
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl Mailbox {
    fn new(max_waiting: usize) -> Self {
        Self {
            first: None,
            more: VecDeque::new(),
            waiting: 0,
            max_waiting,
            has_overflowed: false,
            waker: None,
        }
    }

    /// Adds a reply. Returns the waker of the call, if it waits.
    fn put(&mut self, message: Message) -> Option<Waker> {
        let size = message.payload.len() + OVERHEAD;
        // A single reply of any size is taken.
        self.has_overflowed |= self.waiting > 0 && self.waiting + size > self.max_waiting;
        if !self.has_overflowed {
            self.waiting += size;
            match self.first {
                None if self.more.is_empty() => self.first = Some(message),
                _ => self.more.push_back(message),
            }
        }
        self.waker.take()
    }

    fn take(&mut self) -> Option<Delivery> {
        match self.first.take().or_else(|| self.more.pop_front()) {
            Some(message) => {
                self.waiting -= message.payload.len() + OVERHEAD;
                Some(Delivery::Reply(message))
            }
            None => self.has_overflowed.then_some(Delivery::Overflow),
        }
    }
}

impl Inbox {
    /// Returns the subject to which replies are sent.
    pub(crate) fn subject(&self) -> String {
        format!("{}.{}", self.inboxes.prefix, self.number)
    }

    /// Waits for a delivery. Completes with `None` if no more can come.
    pub(crate) fn poll_delivery(&mut self, cx: &mut Context<'_>) -> Poll<Option<Delivery>> {
        let mut calls = self.inboxes.calls.lock();
        let Some(mailbox) = calls.get_mut(&self.number) else {
            return Poll::Ready(None);
        };
        if let Some(delivery) = mailbox.take() {
            return Poll::Ready(Some(delivery));
        }
        match &mut mailbox.waker {
            Some(waker) => waker.clone_from(cx.waker()),
            none => *none = Some(cx.waker().clone()),
        }
        Poll::Pending
    }
}

impl Drop for Inbox {
    fn drop(&mut self) {
        // What is dropped with it may be large, and its waker runs foreign code.
        let mailbox = self.inboxes.calls.lock().remove(&self.number);
        drop(mailbox);
    }
}
