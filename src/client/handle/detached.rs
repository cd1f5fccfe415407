//! Events that no caller waits for.

use std::{
    future::Future,
    sync::{Arc, atomic::Ordering::Relaxed},
    task::{Context, Waker},
};

use serde::Serialize;
use tokio::runtime::Handle;

use crate::{
    client::{
        CallError, Client, RequestBuilder,
        call::trace::{CallTrace, TracedKind},
    },
    pattern::Pattern,
};

impl Client {
    /// Sends an event without waiting for it, as Nest's `emit` does: returns at once, with or
    /// without a connection, and never fails.
    ///
    /// The event is sent as by [`emit`](Self::emit), within the client's timeout. Events that wait
    /// for one connection are sent in the order of these calls. The maximum number of waiting
    /// events is the capacity of all connections' queues
    /// ([`ClientBuilder::max_queued`](crate::client::ClientBuilder::max_queued)). An event that
    /// exceeds the limit or cannot be sent is dropped: a warning is logged, at most once a second,
    /// and [`dropped_events`](Self::dropped_events) counts the event. (An event is also dropped if
    /// this method is called outside of a Tokio runtime.)
    ///
    /// Before a process ends, [`close`](Self::close) sends the events that still wait.
    ///
    /// ```
    /// use nest_wire::{client::Client, server::{Payload, Router, State}};
    ///
    /// /// Replies even if the service of `audit` cannot be reached.
    /// async fn order(State(audit): State<Client>, Payload(item): Payload<String>) -> String {
    ///     audit.emit_detached("ordered", &item);
    ///     format!("{item} is on its way")
    /// }
    ///
    /// let router: Router = Router::new().message("order", order).with_state(Client::new("localhost:8888"));
    /// ```
    pub fn emit_detached(&self, pattern: impl Into<Pattern>, data: &(impl Serialize + ?Sized)) {
        self.request(pattern).data(data).emit_detached();
    }

    /// Returns the number of events of [`emit_detached`](Self::emit_detached) that this client and
    /// its clones have dropped.
    #[must_use]
    pub fn dropped_events(&self) -> u64 {
        self.pool.detached.dropped.load(Relaxed)
    }
}

impl RequestBuilder {
    /// Sends the event without waiting for it, as [`Client::emit_detached`] does.
    pub fn emit_detached(self) {
        let pool = Arc::clone(&self.client.pool);
        let (detached, pattern) = (&pool.detached, self.pattern.to_json());
        let runtime = match Handle::try_current() {
            Ok(runtime) => runtime,
            Err(error) => return detached.event_dropped(&pattern, &error),
        };
        let Ok(place) = Arc::clone(&detached.places).try_acquire_owned() else {
            let error = CallError::Overloaded;
            CallTrace::of_none(&pool.meters, TracedKind::Event).failed(&error);
            return detached.event_dropped(&pattern, &error);
        };
        let of_task = Arc::clone(&pool);
        let mut emitting = Box::pin(async move {
            if let Err(error) = self.emit().await {
                of_task.detached.event_dropped(&pattern, &error);
            }
            drop(place);
        });
        // Polled once here, so that events are queued in the order of the calls.
        let polled = emitting.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        if polled.is_pending() {
            runtime.spawn(emitting);
        }
    }
}
