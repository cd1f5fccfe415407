//! One subscription: takes its messages in order, and drives those that wait.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::Relaxed},
};

use async_nats::Subscriber;
use futures_util::{StreamExt, stream::FuturesUnordered};
use nest_wire::pattern::Route;
use tokio_util::sync::CancellationToken;

use crate::serve::{
    first_poll::first_poll,
    handling::{Handling, Running},
};

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
        let mut waiting: FuturesUnordered<Counted> = FuturesUnordered::new();
        let mut is_stopping = false;
        loop {
            tokio::select! {
                () = stop.cancelled(), if !is_stopping => {
                    is_stopping = true;
                    // The messages that the server has sent by now still come.
                    if self.messages.drain().await.is_err() {
                        break;
                    }
                }
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
        while waiting.next().await.is_some() {}
    }
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
