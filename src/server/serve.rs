//! From a listener and a router to a running service.

use std::{
    future::{Future, IntoFuture, Pending, pending},
    io,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    time::Duration,
};

use http::Extensions;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    task::JoinSet,
    time::timeout,
};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, debug, error, warn};

use super::{
    Accept, Accepted, Router, Routes,
    back_off::BackOff,
    session::{Session, connection_span},
};
use crate::connection::{Config, Connection, ConnectionError};

/// Serves `router` on `listener`: TCP, Unix sockets, TLS, whatever implements [`Accept`]. Await what this returns;
/// without [`with_graceful_shutdown`](Serve::with_graceful_shutdown) it never ends.
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
pub fn serve<L: Accept>(listener: L, router: Router) -> Serve<L, Pending<()>> {
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
pub struct Serve<L, F> {
    listener: L,
    routes: Arc<Routes>,
    config: Config,
    drain_timeout: Duration,
    signal: F,
}

impl<L, F> Serve<L, F> {
    /// Stops accepting and reading when `signal` completes, lets what is in flight finish, closes, and ends.
    pub fn with_graceful_shutdown<G>(self, signal: G) -> Serve<L, G>
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

impl<L: Accept, F: Future<Output = ()> + Send + 'static> IntoFuture for Serve<L, F> {
    type Output = ();
    type IntoFuture = Pin<Box<dyn Future<Output = ()> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(run(self))
    }
}

async fn run<L: Accept, F: Future<Output = ()>>(mut serve: Serve<L, F>) {
    let shutdown = CancellationToken::new();
    let mut sessions = JoinSet::new();
    let mut signal = std::pin::pin!(serve.signal);
    let mut back_off = BackOff::default();
    loop {
        tokio::select! {
            accepted = next(&mut serve.listener, &mut back_off) => {
                let span = connection_span(accepted.peer());
                let routes = Arc::clone(&serve.routes);
                let attended = attend(accepted, routes, serve.config.clone(), shutdown.child_token());
                sessions.spawn(attended.instrument(span));
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

/// Accepts, whatever else happens. Can be dropped and called anew.
async fn next<L: Accept>(listener: &mut L, back_off: &mut BackOff) -> Accepted<L::Io> {
    loop {
        back_off.over().await;
        match listener.accept().await {
            Ok(accepted) => return accepted,
            Err(error) => back_off.refused(&error),
        }
    }
}

/// Opens a connection and serves it until its end.
async fn attend<IO>(accepted: Accepted<IO>, routes: Arc<Routes>, config: Config, shutdown: CancellationToken)
where
    IO: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let peer = accepted.peer();
    // A handshake under way when the service stops is no work in flight.
    let opened = shutdown.run_until_cancelled(accepted.open()).await;
    let (io, extensions) = match opened {
        Some(Ok(opened)) => opened,
        Some(Err(error)) => return log_refused(peer, &error),
        None => return,
    };
    let connection = Connection::new(io, &config);
    drop(config);
    logged(Session::new(connection, routes, peer, extensions, shutdown)).await;
}

/// Callers that connect and leave again, as health checks do, are no news.
fn log_refused(peer: Option<SocketAddr>, error: &io::Error) {
    let peer = peer.map(tracing::field::display);
    use io::ErrorKind::{BrokenPipe, ConnectionReset, UnexpectedEof};
    match error.kind() {
        BrokenPipe | ConnectionReset | UnexpectedEof => debug!(peer, %error, "the caller left during the handshake"),
        _ => warn!(peer, %error, "the handshake failed"),
    }
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
    Session::new(Connection::new(io, config), routes, None, Extensions::new(), never)
        .run()
        .instrument(connection_span(None))
        .await
}
