//! From a listener and a router to a running service.

use std::{
    future::{Future, IntoFuture, Pending, pending},
    pin::Pin,
    sync::Arc,
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite},
    task::JoinSet,
    time::timeout,
};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, debug, error, warn};

use super::{
    Listener, Router, Routes,
    session::{Session, connection_span},
};
use crate::connection::{Config, Connection, ConnectionError};

/// Serves `router` on `listener`. Await what this returns; without
/// [`with_graceful_shutdown`](Serve::with_graceful_shutdown) it never ends.
///
/// ```no_run
/// use nest_wire::server::{Listener, Router, serve};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> std::io::Result<()> {
/// let listener = Listener::bind("localhost:8888").await?;
/// let router = Router::new().message("ping", async || "pong");
/// serve(listener, router)
///     .with_graceful_shutdown(async { tokio::signal::ctrl_c().await.expect("a signal handler") })
///     .await;
/// # Ok(()) }
/// ```
pub fn serve(listener: Listener, router: Router) -> Serve<Pending<()>> {
    Serve {
        listener,
        routes: router.into_routes(),
        config: Config::default(),
        drain_timeout: DRAIN_TIMEOUT,
        signal: pending(),
    }
}

const DRAIN_TIMEOUT: Duration = Duration::from_secs(30);

/// A service that runs once it is awaited.
#[derive(Debug)]
#[must_use = "a service runs only while it is awaited"]
pub struct Serve<F> {
    listener: Listener,
    routes: Arc<Routes>,
    config: Config,
    drain_timeout: Duration,
    signal: F,
}

impl<F> Serve<F> {
    /// Stops accepting and reading when `signal` completes, lets what is in flight finish, closes, and ends.
    pub fn with_graceful_shutdown<G>(self, signal: G) -> Serve<G>
    where
        G: Future<Output = ()> + Send + 'static,
    {
        Serve {
            listener: self.listener,
            routes: self.routes,
            config: self.config,
            drain_timeout: self.drain_timeout,
            signal,
        }
    }

    /// Sets the limits of each connection.
    pub fn config(mut self, config: Config) -> Self {
        self.config = config;
        self
    }

    /// How long a graceful shutdown waits for handlers and streams before it cuts them off. Raise it for handlers
    /// that take longer. Default: 30 seconds.
    pub const fn drain_timeout(mut self, timeout: Duration) -> Self {
        self.drain_timeout = timeout;
        self
    }
}

impl<F: Future<Output = ()> + Send + 'static> IntoFuture for Serve<F> {
    type Output = ();
    type IntoFuture = Pin<Box<dyn Future<Output = ()> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(run(self))
    }
}

async fn run<F: Future<Output = ()>>(mut serve: Serve<F>) {
    let shutdown = CancellationToken::new();
    let mut sessions = JoinSet::new();
    let mut signal = std::pin::pin!(serve.signal);
    loop {
        tokio::select! {
            (stream, peer) = serve.listener.accept() => {
                let connection = Connection::new(stream, &serve.config);
                let session = Session::new(
                    connection,
                    Arc::clone(&serve.routes),
                    Some(peer),
                    shutdown.child_token(),
                );
                sessions.spawn(logged(session).instrument(connection_span(Some(peer))));
            }
            Some(ended) = sessions.join_next() => {
                if let Err(panic) = ended {
                    error!(%panic, "a connection's task failed: this is a bug in nest-wire");
                }
            }
            () = &mut signal => break,
        }
    }
    drop(serve.listener);
    shutdown.cancel();
    drain(sessions, serve.drain_timeout).await;
}

async fn drain(mut sessions: JoinSet<()>, patience: Duration) {
    let all = async { while sessions.join_next().await.is_some() {} };
    if timeout(patience, all).await.is_err() {
        warn!(
            connections = sessions.len(),
            "cutting off what has not finished in {patience:?}"
        );
    }
}

async fn logged<IO: AsyncRead + AsyncWrite + Unpin>(session: Session<IO>) {
    debug!("connected");
    match session.run().await {
        Ok(()) => debug!("disconnected"),
        Err(ConnectionError::Io(error)) => debug!(%error, "the connection broke"),
        Err(error) => warn!(error = &error as &dyn std::error::Error, "cut the connection"),
    }
}

/// Serves one link that is already open: a Unix socket, a TLS stream, one end of [`tokio::io::duplex`].
///
/// Ends when the peer has closed and the handlers it called have finished.
///
/// ```
/// use nest_wire::{connection::Config, server::{Router, serve_connection}};
/// use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let (mut caller, service) = duplex(1024);
/// let routes = Router::new().message("ping", async || "pong").into_routes();
/// let served = tokio::spawn(async move { serve_connection(service, routes, &Config::default()).await });
///
/// caller.write_all(br#"34#{"pattern":"ping","data":0,"id":1}"#).await?;
/// # caller.shutdown().await?;
/// let mut reply = String::new();
/// caller.read_to_string(&mut reply).await?;
/// assert_eq!(reply, r#"44#{"response":"pong","isDisposed":true,"id":1}"#);
/// # served.await??;
/// # Ok(()) }
/// ```
///
/// # Errors
/// Why the link was cut: see [`ConnectionError`].
pub async fn serve_connection<IO>(io: IO, routes: Arc<Routes>, config: &Config) -> Result<(), ConnectionError>
where
    IO: AsyncRead + AsyncWrite + Unpin,
{
    let never = CancellationToken::new();
    Session::new(Connection::new(io, config), routes, None, never)
        .run()
        .instrument(connection_span(None))
        .await
}
