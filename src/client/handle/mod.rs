//! The client: a handle that can be cloned.

pub(in crate::client) mod derived;
pub(in crate::client) mod detached;
pub(in crate::client) mod forward;
pub(in crate::client) mod message;
pub(in crate::client) mod reply_stream;
pub(in crate::client) mod request;
pub(in crate::client) mod service;
pub(in crate::client) mod stream_source;
pub(in crate::client) mod submit;
pub(in crate::client) mod values;

use std::{fmt, future::Future, io, pin::pin, sync::Arc, time::Duration};

use serde::{Serialize, de::DeserializeOwned};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::{
    client::{
        BuildError, CallError, ConnectionState, StateStream,
        call::{
            deadline::within,
            metadata::CallMetadata,
            outgoing::{CallKind, OutgoingCall},
        },
        config::Config,
        connect::host::Host,
        pool::{ConnectionPool, Hosts, connection::Opener},
    },
    json,
    packet::RawJson,
    pattern::Pattern,
};

/// A client of one microservice.
///
/// A client is cheap to clone. All clones share one connection, which the first call opens and the
/// next call after a loss opens again. The connection closes when the last clone is dropped or the
/// client is [closed](Self::close).
///
/// ```no_run
/// use std::time::Duration;
/// use nest_wire::{client::Client, pattern::Pattern};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), nest_wire::client::CallError> {
/// let client = Client::new("localhost:8888");
/// let quick = client.with_timeout(Duration::from_millis(200));
/// let total: u32 = quick.send(Pattern::object([("cmd", "sum")]), &[1, 2, 3]).await?;
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Client {
    pub(super) pool: Arc<ConnectionPool>,
    pub(super) timeout: Duration,
    pub(super) metadata: CallMetadata,
}

impl Client {
    /// Returns a client of these hosts.
    ///
    /// # Errors
    /// [`BuildError::NoHost`].
    pub(in crate::client) fn of_hosts<C, F, IO>(hosts: Vec<Host<C>>, config: Config) -> Result<Self, BuildError>
    where
        C: Fn() -> F + Clone + Send + Sync + 'static,
        F: Future<Output = io::Result<IO>> + Send + 'static,
        IO: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        if hosts.is_empty() {
            return Err(BuildError::NoHost);
        }
        let openers = hosts.into_iter().map(Opener::new).collect();
        Ok(Self::of(Hosts::Fixed(openers), config))
    }

    pub(in crate::client) fn of(hosts: Hosts, config: Config) -> Self {
        Self {
            timeout: config.timeout,
            pool: Arc::new(ConnectionPool::new(hosts, config)),
            metadata: CallMetadata::default(),
        }
    }
}

/// Calls.
impl Client {
    /// Sends a message and waits for the reply. Returns the last value of the reply.
    ///
    /// A service that replies with undefined sends no value. The result is then `()` or `None`, or
    /// [`CallError::NoValue`] for other types.
    ///
    /// # Errors
    /// See [`CallError`]. [`CallError::is_unsent`] returns true for errors of calls that can be
    /// made again without repeating anything.
    pub async fn send<T: DeserializeOwned>(
        &self,
        pattern: impl Into<Pattern>,
        data: &(impl Serialize + ?Sized),
    ) -> Result<T, CallError> {
        let pattern = pattern.into();
        let fill = |outgoing: &mut OutgoingCall| {
            outgoing.address(&pattern, self.pool.config.compat)?;
            outgoing.data(|out| json::append(data, out))
        };
        let outgoing = &mut OutgoingCall::new(CallKind::Request);
        fill(outgoing)?;
        let watch = &mut self.watch(outgoing);
        let answer = self.ask(outgoing, watch, fill).await;
        decode(answer.map_err(|error| error.of_call(&pattern))?.as_ref())
    }

    /// Sends a message. Returns the first value of the reply, as `firstValueFrom` does: later
    /// values, errors and the completion are ignored.
    ///
    /// Use it for services that never complete their replies: [`send`](Self::send) would wait for
    /// the completion until its timeout. The service is not informed that the rest is ignored,
    /// because Nest has no packet for that, and continues to send.
    ///
    /// ```
    /// # use nest_wire::{client::Client, server::{HostListener, Router, serve}};
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use futures_util::{StreamExt, stream};
    /// # use nest_wire::server::ReplyStream;
    /// # let listener = HostListener::bind("127.0.0.1:0").await?;
    /// # let address = listener.local_addrs()?[0].to_string();
    /// # let price = async || ReplyStream::new(stream::iter([21]).chain(stream::pending()));
    /// # tokio::spawn(serve(listener, Router::new().message("price", price)).into_future());
    /// let client = Client::new(address);
    /// let price: u32 = client.send_first("price", "ETH").await?;
    /// # assert_eq!(price, 21);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// See [`CallError`]. The call fails with an error that comes before the first value.
    /// [`CallError::NoValue`] means that the service completed without a value, or that the first
    /// value was undefined, which `T` cannot represent.
    pub async fn send_first<T: DeserializeOwned>(
        &self,
        pattern: impl Into<Pattern>,
        data: &(impl Serialize + ?Sized),
    ) -> Result<T, CallError> {
        let pattern = pattern.into();
        let fill = |outgoing: &mut OutgoingCall| {
            outgoing.address(&pattern, self.pool.config.compat)?;
            outgoing.data(|out| json::append(data, out))
        };
        let outgoing = &mut OutgoingCall::new(CallKind::First);
        fill(outgoing)?;
        let watch = &mut self.watch(outgoing);
        let answer = self.ask(outgoing, watch, fill).await;
        decode(answer.map_err(|error| error.of_call(&pattern))?.as_ref())
    }

    /// Checks that the service replies: sends the message `pattern` with the data `{}` and waits
    /// for a reply with any value, within the client's [timeout](Self::with_timeout). A reply that
    /// is an error fails the check.
    ///
    /// Nest's own health check only connects, as [`connect`](Self::connect) does. This check also
    /// fails if the service accepts connections and does not reply. Use a separate client for it,
    /// so that it does not wait behind the packets of other calls.
    ///
    /// ```
    /// use std::time::Duration;
    /// # use nest_wire::server::{HostListener, Router, serve};
    /// use nest_wire::client::Client;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let listener = HostListener::bind("127.0.0.1:0").await?;
    /// # let address = listener.local_addrs()?[0].to_string();
    /// # let router = Router::new().message("health", async || "up");
    /// # tokio::spawn(serve(listener, router).into_future());
    /// let prober = Client::builder().timeout(Duration::from_secs(1)).build(address)?;
    /// let is_healthy = prober.check("health").await.is_ok();
    /// # assert!(is_healthy);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// See [`CallError`]. [`CallError::Rpc`] is a reply too: the service is alive, but has no
    /// handler for `pattern`, or the handler reports a problem.
    pub async fn check(&self, pattern: impl Into<Pattern>) -> Result<(), CallError> {
        let pattern = pattern.into();
        let fill = |outgoing: &mut OutgoingCall| {
            outgoing.address(&pattern, self.pool.config.compat)?;
            outgoing.data(|out| {
                out.extend_from_slice(b"{}");
                Ok(())
            })
        };
        let outgoing = &mut OutgoingCall::new(CallKind::Request);
        fill(outgoing)?;
        let watch = &mut self.watch(outgoing);
        let answer = self.ask(outgoing, watch, fill).await;
        answer.map(drop).map_err(|error| error.of_call(&pattern))
    }

    /// Sends an event and waits until it has been handed to the operating system. Events have no
    /// reply, so `Ok` does not mean that the service has read the event: it may have closed the
    /// connection.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn emit(&self, pattern: impl Into<Pattern>, data: &(impl Serialize + ?Sized)) -> Result<(), CallError> {
        let outgoing = &mut OutgoingCall::new(CallKind::Event);
        let pattern = pattern.into();
        outgoing.address(&pattern, self.pool.config.compat)?;
        outgoing.data(|out| json::append(data, out))?;
        let watch = &mut self.watch(outgoing);
        // An event has no reply, so it cannot be refused and sent again.
        let sent = self.ask(outgoing, watch, |_| Ok(())).await;
        sent.map(drop).map_err(|error| error.of_call(&pattern))
    }
}

/// Connections.
impl Client {
    /// Connects now, instead of with the first call. A client with several connections waits for
    /// the first of them.
    ///
    /// An open connection does not prove that the service takes calls: the service may close it at
    /// once, which [`state`](Self::state) then shows. Under TLS, this method waits for the
    /// service's verdict on the client's certificate, if the service requests one; but a Node
    /// service may close the connection later because of the certificate. [`check`](Self::check)
    /// waits for a reply.
    ///
    /// ```
    /// # use nest_wire::{client::Client, server::{HostListener, Router, serve}};
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let listener = HostListener::bind("127.0.0.1:0").await?;
    /// # let address = listener.local_addrs()?[0].to_string();
    /// # tokio::spawn(serve(listener, Router::new()).into_future());
    /// let client = Client::new(address);
    /// client.connect().await?;
    /// assert!(client.state().is_connected());
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`CallError::Connect`], [`CallError::Timeout`] and [`CallError::Closed`].
    pub async fn connect(&self) -> Result<(), CallError> {
        let connected = pin!(self.pool.first_connected());
        within(self.timeout, pin!(None), connected).await.map(drop)
    }

    /// Returns the connection state, with the reason if the client is not connected.
    #[must_use]
    pub fn state(&self) -> ConnectionState {
        self.pool.publisher.state()
    }

    /// Returns a stream of the connection states, beginning with the current one: the counterpart
    /// of Nest's `status` and `on`.
    ///
    /// ```
    /// use futures_util::StreamExt;
    /// use nest_wire::client::{Client, ConnectionState};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// # async fn alarm(_reason: nest_wire::client::DisconnectReason) {}
    /// let client = Client::new("localhost:1");
    /// let mut states = client.states();
    /// tokio::spawn(async move {
    ///     while let Some(state) = states.next().await {
    ///         match state {
    ///             ConnectionState::Disconnected(reason) => alarm(reason).await,
    ///             state => println!("{state:?}"),
    ///         }
    ///     }
    /// });
    /// # }
    /// ```
    pub fn states(&self) -> StateStream {
        self.pool.publisher.states()
    }

    /// Closes the client and all its clones: new calls fail with [`CallError::Closed`], calls in
    /// progress are finished, waiting packets are sent, and then the connection is closed. Returns
    /// when the connection is closed.
    ///
    /// Calls that are not finished within
    /// [`ClientBuilder::drain_timeout`](crate::client::ClientBuilder::drain_timeout) fail with
    /// [`CallError::ConnectionClosed`]. If the future is dropped, closing continues.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("state", &self.state())
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

/// Decodes a value and returns it. Undefined (`None`) is a value of `()`, `Option` and `Maybe`
/// only.
pub(in crate::client) fn decode<T: DeserializeOwned>(value: Option<&RawJson>) -> Result<T, CallError> {
    match value {
        Some(value) => value.parse().map_err(|error| CallError::Decode(Arc::new(error))),
        None => json::from_undefined().ok_or(CallError::NoValue),
    }
}
