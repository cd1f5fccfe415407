//! Runs a service from a listener and a router.

pub(in crate::server) mod accept_loop;
pub(in crate::server) mod connection;
pub(in crate::server) mod connection_task;
pub(in crate::server) mod shutdown_outcome;

use std::{
    future::{Future, IntoFuture, Pending, pending},
    pin::Pin,
    sync::Arc,
    time::Duration,
};

use crate::{
    connection::TransportConfig,
    server::{
        IntoRoutes, Limits, Routes,
        listen::Listener,
        serve::{
            accept_loop::{AcceptLoop, Forced},
            shutdown_outcome::ShutdownOutcome,
        },
    },
};

/// Serves `router` on `listener`: TCP, Unix sockets, TLS, or any other [`Listener`]. Await the
/// returned value; without [`with_graceful_shutdown`](Serve::with_graceful_shutdown) it never
/// completes.
///
/// ```no_run
/// use nest_wire::server::{HostListener, Router, serve};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> std::io::Result<()> {
/// let listener = HostListener::bind("localhost:8888").await?;
/// let router = Router::new().message("ping", async || "pong");
/// serve(listener, router)
///     .with_graceful_shutdown(async { tokio::signal::ctrl_c().await.expect("a signal handler") })
///     .await;
/// # Ok(()) }
/// ```
pub fn serve<L: Listener>(listener: L, router: impl IntoRoutes) -> Serve<L, Pending<()>> {
    Serve {
        listener,
        routes: router.into_routes(),
        transport: TransportConfig::default(),
        limits: Limits::default(),
        drain_timeout: DRAIN_TIMEOUT,
        signal: pending(),
        forced: Forced(None),
    }
}

const DRAIN_TIMEOUT: Duration = Duration::from_secs(25);

/// A service that runs once it is awaited.
#[derive(Debug)]
#[must_use = "a service runs only while it is awaited"]
pub struct Serve<L, F> {
    pub(super) listener: L,
    pub(super) routes: Arc<Routes>,
    pub(super) transport: TransportConfig,
    pub(super) limits: Limits,
    pub(super) drain_timeout: Duration,
    pub(super) signal: F,
    pub(super) forced: Forced,
}

impl<L, F> Serve<L, F> {
    /// Makes the service stop accepting when `signal` completes, close each connection at its first
    /// quiet moment, and end. Returns the builder.
    ///
    /// A connection is quiet when nothing is in flight, unread or unsent on it. Until then, replies
    /// are sent, because a Nest caller has no other connection. Shortly before
    /// [`drain_timeout`](Self::drain_timeout), new requests are answered with an error,
    /// `{"status":"error","message":"the service is stopping"}`; events are handled until the
    /// connection closes.
    pub fn with_graceful_shutdown<G>(self, signal: G) -> Serve<L, G>
    where
        G: Future<Output = ()> + Send + 'static,
    {
        Serve {
            listener: self.listener,
            routes: self.routes,
            transport: self.transport,
            limits: self.limits,
            drain_timeout: self.drain_timeout,
            signal,
            forced: self.forced,
        }
    }

    /// Cuts a graceful shutdown short when `signal` completes, for example when Ctrl-C is pressed a
    /// second time. Returns the builder.
    ///
    /// `signal` is polled only once the shutdown has begun, so `tokio::signal::ctrl_c()` waits for
    /// the second key press.
    ///
    /// ```no_run
    /// use nest_wire::server::{ShutdownOutcome, HostListener, Router, serve};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> std::io::Result<()> {
    /// async fn interrupted() {
    ///     tokio::signal::ctrl_c().await.expect("a signal handler");
    /// }
    ///
    /// let ending = serve(HostListener::bind("localhost:8888").await?, Router::new())
    ///     .with_graceful_shutdown(interrupted())
    ///     .with_forced_shutdown(interrupted())
    ///     .await;
    /// if let ShutdownOutcome::Cut { connections } = ending {
    ///     eprintln!("{connections} connections were cut");
    /// }
    /// # Ok(()) }
    /// ```
    pub fn with_forced_shutdown(mut self, signal: impl Future<Output = ()> + Send + 'static) -> Self {
        self.forced = Forced(Some(Box::pin(signal)));
        self
    }

    /// Sets limits of what the service takes on. Returns the builder. Default: no limits, as in
    /// Nest.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Sets the limits of each connection, and its framing. Returns the builder. Default: Nest's.
    pub fn transport(mut self, config: TransportConfig) -> Self {
        self.transport = config;
        self
    }

    /// Sets the maximum time that a graceful shutdown waits for handlers, for streams, and for
    /// peers to read their replies, before it cuts their connections. Returns the builder. Raise it
    /// for handlers that take longer. Keep it below the time that the service is given to end, 30
    /// seconds in Kubernetes. Default: 25 seconds.
    pub const fn drain_timeout(mut self, timeout: Duration) -> Self {
        self.drain_timeout = timeout;
        self
    }
}

impl<L: Listener, F: Future<Output = ()> + Send + 'static> IntoFuture for Serve<L, F> {
    type Output = ShutdownOutcome;
    type IntoFuture = Pin<Box<dyn Future<Output = ShutdownOutcome> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        let accept_loop = AcceptLoop::new(self.routes, self.transport, self.limits, self.drain_timeout);
        Box::pin(accept_loop.run(self.listener, self.signal, self.forced))
    }
}
