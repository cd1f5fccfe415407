//! Serves a single connection, without a listener.

use std::{
    fmt,
    future::{Future, IntoFuture},
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use tokio::io::{AsyncRead, AsyncWrite};
use tracing::{Instrument, instrument::Instrumented};

use crate::{
    connection::{Connection, ConnectionError, TransportConfig},
    server::{
        IntoRoutes, Limits, Routes,
        limits::{ConnectionLimiter, Limiter},
        session::{PeerInfo, Serving, Session, Shutdown, span::connection_span},
    },
};

/// Serves one connection that is already open: a Unix socket, a TLS stream, one end of
/// [`tokio::io::duplex`]. Await the returned value.
///
/// It ends when the peer has closed the connection and the handlers that the peer called have
/// finished. To serve many connections, give each the same
/// [`Router::into_routes`](crate::server::Router::into_routes).
///
/// ```
/// use nest_wire::server::{Router, serve_connection};
/// use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let (mut caller, service) = duplex(1024);
/// let router = Router::new().message("ping", async || "pong");
/// let served = tokio::spawn(serve_connection(service, router).into_future());
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
/// The reason why the connection was cut: see [`ConnectionError`].
pub fn serve_connection<IO>(io: IO, router: impl IntoRoutes) -> ServeConnection<IO> {
    ServeConnection {
        io,
        routes: router.into_routes(),
        transport: TransportConfig::default(),
        limits: Limits::default(),
        caller: PeerInfo::default(),
        shutdown: Shutdown::Never,
    }
}

/// A connection that is served once this is awaited.
#[derive(Debug)]
#[must_use = "a link is served only while this is awaited"]
pub struct ServeConnection<IO> {
    io: IO,
    routes: Arc<Routes>,
    transport: TransportConfig,
    limits: Limits,
    caller: PeerInfo,
    shutdown: Shutdown,
}

impl<IO> ServeConnection<IO> {
    /// Sets the limits of the connection, and its framing. Returns the builder. Default: Nest's.
    pub fn transport(mut self, config: TransportConfig) -> Self {
        self.transport = config;
        self
    }

    /// Sets the limits of requests in flight, idle time and age. Returns the builder. Limits of the
    /// number of connections have no effect on a single connection, and [`Limits::max_in_flight`]
    /// counts the requests of this connection. Default: no limits, as in Nest.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Sets the caller's address, for [`Context::peer`](crate::server::Context) and for the log.
    /// Returns the builder.
    pub fn peer(mut self, peer: SocketAddr) -> Self {
        self.caller.peer = Some(peer);
        self
    }

    /// Adds a value to each request, for [`Extension`](crate::server::extract::Extension) to take.
    /// Returns the builder. Each request clones the value.
    pub fn extension<T: Clone + Send + Sync + 'static>(mut self, value: T) -> Self {
        self.caller.extensions.insert(value);
        self
    }

    /// Makes the connection finish what is in flight and close when `signal` completes. Returns the
    /// builder. There is no time limit: the task that awaits the connection may set one.
    pub fn with_graceful_shutdown(mut self, signal: impl Future<Output = ()> + Send + 'static) -> Self {
        self.shutdown = Shutdown::At(Box::pin(signal));
        self
    }
}

impl<IO: AsyncRead + AsyncWrite + Unpin + 'static> IntoFuture for ServeConnection<IO> {
    type Output = Result<(), ConnectionError>;
    type IntoFuture = ServingConnection<IO>;

    fn into_future(self) -> Self::IntoFuture {
        let span = connection_span(self.caller.peer);
        let connection_limiter = Limiter::new(self.limits).map(|limiter| ConnectionLimiter::new(limiter, None));
        let connection = Connection::new(self.io, &self.transport);
        let session = Session::new(connection, self.routes, self.caller, self.shutdown, connection_limiter);
        ServingConnection(Serving::Linked(session).instrument(span))
    }
}

/// A connection that is being served: the future of [`serve_connection`].
#[must_use = "a link is served only while this is awaited"]
pub struct ServingConnection<IO>(Instrumented<Serving<IO>>);

impl<IO: AsyncRead + AsyncWrite + Unpin> Future for ServingConnection<IO> {
    type Output = Result<(), ConnectionError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(cx).map(|ended| ended.outcome)
    }
}

impl<IO> fmt::Debug for ServingConnection<IO> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ServingConnection(..)")
    }
}
