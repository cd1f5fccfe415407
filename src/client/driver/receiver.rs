//! The driver's side of a channel, with or without a connection: completes calls and wakes their
//! callers. Does no I/O.

use std::{
    future::Future,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use tokio::time::{Sleep, sleep};

use crate::{
    client::{
        CallError, DisconnectReason,
        channel::{
            ChannelState, RequestChannel,
            pending::{WakeList, replies::Delivery},
            waiter::Clock,
            wake,
        },
    },
    packet::{CallId, RawJson, ReplyOutcome},
};

/// The part of a driver that serves its channel. Its drop fails the calls that were written.
pub(in crate::client) struct RequestReceiver {
    pub(in crate::client) channel: Arc<RequestChannel>,
    pub(in crate::client) drain_timeout: Duration,
    closing: Closing,
    /// Wakers to wake. Kept for its memory.
    woken: WakeList,
}

#[derive(Debug)]
enum Closing {
    NotYet,
    /// Closing: limits the time for the calls in flight.
    Until(Pin<Box<Sleep>>),
    /// The drain timeout has expired.
    Overdue,
}

/// What the delivered replies mean for their connection.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::client) struct Received {
    /// True if the service is stopping and accepts no more calls.
    pub(in crate::client) is_refused: bool,
    /// True if a stream is full and no other call awaits a reply.
    pub(in crate::client) is_full: bool,
}

impl RequestReceiver {
    pub(in crate::client) fn new(channel: Arc<RequestChannel>, drain_timeout: Duration) -> Self {
        Self {
            channel,
            drain_timeout,
            closing: Closing::NotYet,
            woken: WakeList::new(),
        }
    }

    /// Registers the waker of `cx`, which is woken by new work, and checks the deadline of closing.
    pub(in crate::client) fn poll(&mut self, cx: &mut Context<'_>) {
        let mut state = self.channel.lock();
        state.watch(cx);
        let (is_closing, is_overdue) = (state.is_closing, state.is_overdue);
        drop(state);
        if is_closing {
            self.poll_closing(is_overdue, cx);
        }
    }

    fn poll_closing(&mut self, is_overdue: bool, cx: &mut Context<'_>) {
        if let Closing::NotYet = self.closing {
            self.closing = Closing::Until(Box::pin(sleep(self.drain_timeout)));
        }
        if let Closing::Until(end) = &mut self.closing
            && (is_overdue || end.as_mut().poll(cx).is_ready())
        {
            self.closing = Closing::Overdue;
        }
    }

    /// Runs `work` while it serves the channel. Returns the output of `work`, or `None` if
    /// `is_enough` returned true before.
    pub(in crate::client) async fn attend<T>(
        &mut self,
        work: impl Future<Output = T>,
        is_enough: impl Fn(&Self) -> bool,
    ) -> Option<T> {
        let mut work = pin!(work);
        std::future::poll_fn(|cx| {
            self.poll(cx);
            if is_enough(self) {
                return Poll::Ready(None);
            }
            work.as_mut().poll(cx).map(Some)
        })
        .await
    }

    /// Runs the change under the lock, then wakes the affected callers. Returns the result of the
    /// change.
    pub(in crate::client) fn change<T>(&mut self, change: impl FnOnce(&mut ChannelState, &mut WakeList) -> T) -> T {
        let changed = change(&mut self.channel.lock(), &mut self.woken);
        if !self.woken.is_empty() {
            wake(self.woken.drain(..));
        }
        changed
    }

    /// Delivers replies to their calls. `packets` has the whole packet of each, or nothing. Replies
    /// that belong to no call are ignored, as in Nest. Returns what the replies mean for the
    /// connection.
    pub(in crate::client) fn deliver(
        &mut self,
        replies: &mut Vec<(CallId, ReplyOutcome)>,
        packets: &mut Vec<RawJson>,
        clock: &mut Clock,
    ) -> Received {
        let mut received = Received::default();
        if replies.is_empty() {
            return received;
        }
        let mut strays = Vec::new();
        self.change(|state, woken| {
            let mut packets = packets.drain(..);
            for (id, outcome) in replies.drain(..) {
                let outcome = match packets.next() {
                    None => outcome,
                    Some(packet) => state.calls.whole(id, packet, outcome),
                };
                match state.calls.complete(id, outcome, clock, woken) {
                    Delivery::Delivered => {}
                    Delivery::Stray => strays.push(id),
                    Delivery::Refusal => received.is_refused = true,
                }
            }
            received.is_full = state.calls.is_full();
        });
        for id in strays {
            tracing::debug!(%id, "a reply to nobody");
        }
        received
    }

    /// Fails the calls that wait for a connection.
    pub(in crate::client) fn fail_waiting(&mut self, error: &CallError) {
        let freed = self.change(|state, woken| state.fail_waiting(error, woken));
        self.channel.queue_permits.add_permits(freed);
    }

    /// Fails the calls that were written to the lost connection.
    pub(in crate::client) fn fail_sent(&mut self, reason: DisconnectReason) {
        self.change(|state, woken| state.fail_sent(reason, woken));
    }

    /// Returns true if a connection is needed now.
    pub(in crate::client) fn wants_link(&self) -> bool {
        self.channel.lock().wants_link()
    }

    pub(in crate::client) const fn is_closing(&self) -> bool {
        !matches!(self.closing, Closing::NotYet)
    }

    /// Returns true if the client is closing and nothing is left to do, except perhaps to send
    /// written events.
    pub(in crate::client) fn is_drained(&self) -> bool {
        self.is_closing() && self.channel.lock().is_drained()
    }

    /// Returns true if closing has exceeded the drain timeout.
    pub(in crate::client) const fn is_overdue(&self) -> bool {
        matches!(self.closing, Closing::Overdue)
    }
}

impl Drop for RequestReceiver {
    fn drop(&mut self) {
        self.channel.leave();
    }
}
