//! One subscription: takes its messages in order, and drives those that wait.

use std::{
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
};

use async_nats::Subscriber;
use futures_util::{FutureExt, StreamExt, future::Fuse, stream::FuturesUnordered};
use nest_wire::pattern::Route;
use tokio_util::sync::CancellationToken;

use crate::serve::{
    first_poll::first_poll,
    handling::{Handling, Running},
    round_trip::round_trip,
};

/// Number of messages after which a subscription ends: the server ends it at once, and NATS's client
/// keeps it for the messages that are on their way.
///
/// Without a number, the client removes the subscription when it sends the command, or soon after it
/// (`drain`), and drops the messages that arrive later (async-nats 0.51). With one, it waits for
/// them. The server takes a number of more than nine digits for none (`parseSize` in its
/// `server/util.go`).
const NO_MAXIMUM: u64 = u64::MAX;

/// A subscription to the route of one pattern.
pub(crate) struct Subscription {
    pub(crate) route: Route<'static>,
    pub(crate) messages: Subscriber,
    pub(crate) handling: Arc<Handling>,
    /// Number of requests and events that are being handled, of all subscriptions.
    pub(crate) running: Arc<AtomicUsize>,
}

impl Subscription {
    /// Handles messages until the subscription ends: because `stop` is cancelled, or because the
    /// connection is closed for good. Then waits for what is being handled.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        let handling = Arc::clone(&self.handling);
        let mut waiting: FuturesUnordered<Counted> = FuturesUnordered::new();
        let mut stopped = pin!(stop.cancelled_owned().fuse());
        let mut all_arrived = pin!(Fuse::terminated());
        let mut cut = pin!(handling.cut.begun().fuse());
        loop {
            tokio::select! {
                () = &mut stopped => {
                    if self.messages.unsubscribe_after(NO_MAXIMUM).await.is_err() {
                        break;
                    }
                    all_arrived.set(round_trip(&handling.nats).fuse());
                }
                _ = &mut all_arrived => {
                    if self.messages.drain().await.is_err() {
                        break;
                    }
                }
                () = &mut cut => poll_all(&mut waiting),
                Some(()) = waiting.next() => {}
                message = self.messages.next() => {
                    let Some(message) = message else { break };
                    let running = self.handling.begin(&self.route, message);
                    let mut running = Counted::new(running, Arc::clone(&self.running));
                    if !first_poll(&mut running).await {
                        waiting.push(running);
                    }
                }
            }
        }
        loop {
            tokio::select! {
                () = &mut cut => poll_all(&mut waiting),
                ended = waiting.next() => if ended.is_none() { break },
            }
        }
    }
}

/// Has each of the futures polled again: what is put into the set is polled.
fn poll_all(waiting: &mut FuturesUnordered<Counted>) {
    *waiting = std::mem::take(waiting).into_iter().collect();
}

/// A message that is being handled, counted until this is dropped.
struct Counted {
    running: Running,
    count: Arc<AtomicUsize>,
}

impl Counted {
    fn new(running: Running, count: Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Relaxed);
        Self { running, count }
    }
}

impl std::future::Future for Counted {
    type Output = ();

    fn poll(mut self: std::pin::Pin<&mut Self>, cx: &mut std::task::Context<'_>) -> std::task::Poll<()> {
        self.running.as_mut().poll(cx)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.count.fetch_sub(1, Relaxed);
    }
}
