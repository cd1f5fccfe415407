//! The client: a handle that can be cloned.

pub(in crate::client) mod derived;
pub(in crate::client) mod detached;
pub(in crate::client) mod message;
pub(in crate::client) mod reply_stream;
pub(in crate::client) mod request;
pub(in crate::client) mod service;
pub(in crate::client) mod stream_source;
pub(in crate::client) mod submit;

use std::{fmt, future::Future, io, pin::pin, sync::Arc, time::Duration};

use serde::{Serialize, de::DeserializeOwned};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::Instant,
};

use crate::{
    client::{
        BuildError, CallError, ConnectionState, ReplyStream, StateStream,
        call::{
            deadline::within,
            metadata::Metadata,
            outgoing::{Kind, OutgoingCall},
        },
        config::Config,
        connect::host::Host,
        handle::reply_stream::decode,
        pool::ConnectionPool,
    },
    json,
    pattern::Pattern,
};

/// A caller of one microservice.
///
/// Cheap to clone; all clones share one connection, which is made by the first call and again by
/// the next call after a loss. The connection closes when the last clone is gone, or is
/// [closed](Self::close) before.
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
    pub(super) metadata: Metadata,
}

impl Client {
    /// # Errors
    /// [`BuildError::NoHost`].
    pub(in crate::client) fn of_hosts<C, F, IO>(hosts: &[Host<C>], config: Config) -> Result<Self, BuildError>
    where
        C: Fn() -> F + Clone + Send + Sync + 'static,
        F: Future<Output = io::Result<IO>> + Send + 'static,
        IO: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        if hosts.is_empty() {
            return Err(BuildError::NoHost);
        }
        Ok(Self {
            timeout: config.timeout,
            pool: Arc::new(ConnectionPool::new(hosts, config)),
            metadata: Metadata::default(),
        })
    }
}

/// Calls.
impl Client {
    /// Sends a message and waits for its answer: of several values, the last one.
    ///
    /// A service that answers undefined has no value: that is `()` or `None`, or else
    /// [`CallError::NoValue`].
    ///
    /// # Errors
    /// See [`CallError`]; [`CallError::is_unsent`] says of which errors it is certain that nothing
    /// was sent.
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
        let outgoing = &mut OutgoingCall::new(Kind::Request);
        fill(outgoing)?;
        let watch = &mut self.watch(outgoing);
        let answer = self.ask(outgoing, watch, fill).await;
        decode(answer.map_err(|error| error.of_call(&pattern))?.as_ref())
    }

    /// Sends a message and returns the first value of its answer, as `firstValueFrom` does: later
    /// values, errors and the completion are ignored.
    ///
    /// Use it for services that never complete their answers; [`send`](Self::send) would wait for
    /// the completion until its timeout. The service does not learn that the rest is ignored, for
    /// Nest has no packet for that: it goes on sending.
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
    /// See [`CallError`]. An error that comes before the first value is the call's;
    /// [`CallError::NoValue`] says that the service completed without a value, or that the first
    /// value was undefined and `T` has no such value.
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
        let outgoing = &mut OutgoingCall::new(Kind::First);
        fill(outgoing)?;
        let watch = &mut self.watch(outgoing);
        let answer = self.ask(outgoing, watch, fill).await;
        decode(answer.map_err(|error| error.of_call(&pattern))?.as_ref())
    }

    /// Asks whether the service answers: sends the message `pattern` with the data `{}` and waits
    /// for an answer, whatever value that has, within the client's [timeout](Self::with_timeout).
    /// An error is none.
    ///
    /// Nest's own health check only connects: [`connect`](Self::connect) does that. This one also
    /// fails when the service accepts and does not answer. Let it have a connection of its own,
    /// which does not wait behind other calls' packets.
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
    /// See [`CallError`]. [`CallError::Rpc`] is an answer too: the service lives, but has no
    /// handler for `pattern`, or that says that something is wrong.
    pub async fn check(&self, pattern: impl Into<Pattern>) -> Result<(), CallError> {
        let pattern = pattern.into();
        let fill = |outgoing: &mut OutgoingCall| {
            outgoing.address(&pattern, self.pool.config.compat)?;
            outgoing.data(|out| {
                out.extend_from_slice(b"{}");
                Ok(())
            })
        };
        let outgoing = &mut OutgoingCall::new(Kind::Request);
        fill(outgoing)?;
        let watch = &mut self.watch(outgoing);
        let answer = self.ask(outgoing, watch, fill).await;
        answer.map(drop).map_err(|error| error.of_call(&pattern))
    }

    /// Sends a message and gives its values as they come.
    ///
    /// The timeout counts anew for each value.
    ///
    /// # Errors
    /// [`CallError::MissingData`] and [`CallError::Encode`], [`CallError::Overloaded`] and
    /// [`CallError::Closed`], and [`CallError::Timeout`] if other packets keep this one from being
    /// written for so long. Every other error is the stream's last item, [`CallError::Connect`] too
    /// (but for a client of several connections, which looks for one first).
    pub async fn send_stream<T: DeserializeOwned>(
        &self,
        pattern: impl Into<Pattern>,
        data: &(impl Serialize + ?Sized),
    ) -> Result<ReplyStream<T>, CallError> {
        let mut outgoing = OutgoingCall::new(Kind::Stream { since: Instant::now() });
        let pattern = pattern.into();
        outgoing.address(&pattern, self.pool.config.compat)?;
        outgoing.data(|out| json::append(data, out))?;
        let watch = self.watch(&mut outgoing);
        self.ask_stream(pattern, outgoing, watch).await
    }

    /// Sends an event and waits until it has been handed to the operating system. Nobody answers
    /// it: `Ok` says nothing of the service, which may close the connection without having read it.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn emit(&self, pattern: impl Into<Pattern>, data: &(impl Serialize + ?Sized)) -> Result<(), CallError> {
        let outgoing = &mut OutgoingCall::new(Kind::Event);
        let pattern = pattern.into();
        outgoing.address(&pattern, self.pool.config.compat)?;
        outgoing.data(|out| json::append(data, out))?;
        let watch = &mut self.watch(outgoing);
        // Nobody answers an event, so nobody refuses it.
        let sent = self.ask(outgoing, watch, |_| Ok(())).await;
        sent.map(drop).map_err(|error| error.of_call(&pattern))
    }
}

/// Connections.
impl Client {
    /// Connects now, instead of with the first call. Of several connections, waits for the first.
    ///
    /// A connection is no proof that the service takes calls: it may close at once, which
    /// [`state`](Self::state) then shows. Under TLS, this waits for what the service says about the
    /// client's certificate, if it asks for one; but a service of Node may close the connection
    /// later for it. [`check`](Self::check) waits for an answer.
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

    /// Returns whether it is connected, and if not, why.
    #[must_use]
    pub fn state(&self) -> ConnectionState {
        self.pool.publisher.state()
    }

    /// Returns the states it goes through, beginning with the present one: the counterpart of
    /// Nest's `status` and `on`.
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

    /// Closes the client and all its clones: calls made from now on fail with
    /// [`CallError::Closed`], those under way are finished, what waits to be sent is sent, and then
    /// the connection is closed. Ready when it is.
    ///
    /// What is not finished within
    /// [`ClientBuilder::drain_timeout`](crate::client::ClientBuilder::drain_timeout) fails with
    /// [`CallError::ConnectionClosed`]. If the future is dropped, closing goes on.
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
