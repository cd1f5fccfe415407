//! Serves a router over NATS.

pub(crate) mod cut;
pub(crate) mod error;
pub(crate) mod first_poll;
pub(crate) mod handling;
pub(crate) mod outcome;
pub(crate) mod reading;
pub(crate) mod replying;
pub(crate) mod round_trip;
pub(crate) mod subscribed;
pub(crate) mod subscription;

use std::{
    future::{Future, IntoFuture, Pending, pending},
    num::NonZeroUsize,
    pin::Pin,
    sync::Arc,
    time::Duration,
};

use async_nats::Client;
use nest_wire::server::{IntoRoutes, Routes};

use crate::{ServeError, ShutdownOutcome, Subscribed};

/// Serves `router` over `nats`: subscribes to the route of each pattern and replies to the callers'
/// inboxes. Await the returned value; without
/// [`with_graceful_shutdown`](Serve::with_graceful_shutdown) it completes only with an error.
///
/// The requests of one subject begin in the order in which they arrive. Each subject has a task of
/// its own. A handler that computes for long is [spawned](nest_wire::server::handler::Handler::spawned)
/// so that others do not wait for it.
///
/// The router's [fallback](nest_wire::server::Router::fallback) and its handler of packets without a
/// pattern get nothing: NATS delivers subscribed subjects only.
///
/// ```no_run
/// use nest_wire::server::Router;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let nats = async_nats::connect("localhost:4222").await?;
/// let router = Router::new().message("ping", async || "pong");
/// nest_wire_nats::serve(nats, router)
///     .queue("pingers")
///     .with_graceful_shutdown(async { tokio::signal::ctrl_c().await.expect("a signal handler") })
///     .await?;
/// # Ok(()) }
/// ```
pub fn serve(nats: Client, router: impl IntoRoutes) -> Serve<Pending<()>> {
    Serve {
        nats,
        routes: router.into_routes(),
        queue: None,
        max_in_flight: None,
        drain_timeout: DRAIN_TIMEOUT,
        signal: pending(),
    }
}

const DRAIN_TIMEOUT: Duration = Duration::from_secs(25);

/// A service that runs once it is awaited; see [`serve`](serve()).
#[derive(Debug)]
#[must_use = "a service runs only while it is awaited"]
pub struct Serve<F> {
    nats: Client,
    routes: Arc<Routes>,
    queue: Option<String>,
    max_in_flight: Option<NonZeroUsize>,
    drain_timeout: Duration,
    signal: F,
}

impl<F> Serve<F> {
    /// Sets the queue group: each message goes to one of its members. Returns the builder. Default:
    /// none, as in Nest, so that every instance handles every message.
    pub fn queue(mut self, group: impl Into<String>) -> Self {
        self.queue = Some(group.into());
        self
    }

    /// Sets the maximum number of requests and events that are handled at the same time; 0 counts as
    /// 1. Returns the builder. Default: no limit, as in Nest.
    ///
    /// A message that exceeds it is answered with an error, `{"status":"error","message":"too many
    /// requests in flight"}`, and an event is dropped with a warning. NATS would otherwise keep what
    /// waits in the memory of this process.
    pub const fn max_in_flight(mut self, requests: usize) -> Self {
        self.max_in_flight = Some(match NonZeroUsize::new(requests) {
            Some(requests) => requests,
            None => NonZeroUsize::MIN,
        });
        self
    }

    /// Sets the maximum time that a graceful shutdown waits for handlers and streams. Then callers that
    /// still wait receive an error, `{"status":"error","message":"the service stopped before it
    /// replied"}`; sending it takes a second at most. Returns the builder. Raise it for handlers that
    /// take longer. Keep it below the time that the service is given to end, 30 seconds in Kubernetes.
    /// Default: 25 seconds.
    pub const fn drain_timeout(mut self, timeout: Duration) -> Self {
        self.drain_timeout = timeout;
        self
    }

    /// Makes the service end when `signal` completes: it unsubscribes, so that other members of the
    /// queue group get all further messages, handles what has been delivered, and sends the replies.
    /// Returns the builder. The connection to NATS stays open.
    pub fn with_graceful_shutdown<G>(self, signal: G) -> Serve<G>
    where
        G: Future<Output = ()> + Send + 'static,
    {
        Serve {
            nats: self.nats,
            routes: self.routes,
            queue: self.queue,
            max_in_flight: self.max_in_flight,
            drain_timeout: self.drain_timeout,
            signal,
        }
    }

    /// Subscribes. When this completes, the server delivers messages to the returned service, which
    /// handles them once it is awaited.
    ///
    /// # Errors
    /// [`ServeError::InvalidSubjects`], [`ServeError::Subscribe`] and [`ServeError::Closed`].
    pub async fn subscribe(self) -> Result<Subscribed<F>, ServeError> {
        Subscribed::new(self).await
    }
}

impl<F: Future<Output = ()> + Send + 'static> IntoFuture for Serve<F> {
    type Output = Result<ShutdownOutcome, ServeError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async { self.subscribe().await?.await })
    }
}
