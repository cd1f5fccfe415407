//! The handle that users hold.

use std::{fmt, future::Future, io, net::SocketAddr, sync::Arc, time::Duration};

use serde::{Serialize, de::DeserializeOwned};
use tokio::io::{AsyncRead, AsyncWrite};
use tracing::{Instrument, Span, debug_span};

use super::{
    CallError, Config, Replies, State, States,
    command::Outgoing,
    member::stopped,
    members::{Guard, Members},
    metadata::Metadata,
    replies::decode,
    tcp::Dialer,
    waiting::{Limit, Waiting},
};
use crate::{
    js,
    packet::{CallId, Draft, RawJson},
    pattern::Pattern,
};

/// A caller of one microservice.
///
/// Cheap to clone; all clones share one connection, which is made by the first call and again by the next call after
/// a loss. The link closes when the last clone is gone, or is [closed](Self::close) before.
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
    members: Arc<Members>,
    timeout: Duration,
    metadata: Metadata,
}

/// Makers of clients.
impl Client {
    /// A client of the service at `address`, `"localhost:8888"` for example. Nothing is connected yet.
    #[must_use]
    pub fn new(address: impl Into<String>) -> Self {
        Self::with_config(address, Config::default())
    }

    /// As [`new`](Self::new), with other limits and timeouts.
    #[must_use]
    pub fn with_config(address: impl Into<String>, config: Config) -> Self {
        Self::with_hosts([address], config)
    }

    /// A client of a service that runs at several addresses.
    ///
    /// From the first call on it keeps a link to each of them; calls go to the less busy of two connected ones. A host
    /// that is lost gets no more calls, and its link is made again as [`Config::reconnect`] says, always in the
    /// background. A call waits for a link only if there is none at all.
    ///
    /// ```
    /// use nest_wire::{client::{Client, Config}, server::{Listener, Payload, Router, serve}};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let mut hosts = Vec::new();
    /// # for _ in 0..2 {
    /// #     let listener = Listener::bind("127.0.0.1:0").await?;
    /// #     hosts.push(listener.local_addrs()?[0].to_string());
    /// #     let echo = async |Payload(text): Payload<String>| text;
    /// #     tokio::spawn(serve(listener, Router::new().message("echo", echo)).into_future());
    /// # }
    /// // hosts: ["users-1:8888", "users-2:8888"] for example
    /// let client = Client::with_hosts(hosts, Config::default());
    /// assert_eq!(client.send::<String>("echo", "hi").await?, "hi");
    /// # Ok(()) }
    /// ```
    ///
    /// # Panics
    /// If there is no address.
    #[must_use]
    pub fn with_hosts(addresses: impl IntoIterator<Item = impl Into<String>>, config: Config) -> Self {
        let dialer = Dialer::new(&config);
        let connector = |address: String| {
            let (address, dialer): (Arc<str>, _) = (address.into(), dialer.clone());
            move || {
                let (address, dialer) = (Arc::clone(&address), dialer.clone());
                async move { dialer.dial(&*address).await }
            }
        };
        Self::with_connectors(addresses.into_iter().map(|address| connector(address.into())), config)
    }

    /// A client of a service whose addresses `resolve` knows: Consul, etcd, SRV records.
    ///
    /// It is asked before each attempt to connect, so that what it says may change; its addresses are tried in turn,
    /// from a random one on. With [`Config::connections`] more than 1, links spread over them.
    ///
    /// ```
    /// use nest_wire::client::{Client, Config};
    ///
    /// // Here would be the question to a registry.
    /// let resolve = async || tokio::net::lookup_host("users.internal:8888").await.map(Iterator::collect);
    /// let client = Client::with_resolver(resolve, Config::default().connections(4));
    /// ```
    #[must_use]
    pub fn with_resolver<R, F>(resolve: R, config: Config) -> Self
    where
        R: Fn() -> F + Clone + Send + Sync + 'static,
        F: Future<Output = io::Result<Vec<SocketAddr>>> + Send + 'static,
    {
        let dialer = Dialer::new(&config);
        let connect = move || {
            let (addresses, dialer) = (resolve(), dialer.clone());
            async move { dialer.dial_any(addresses.await?).await }
        };
        Self::with_connector(connect, config)
    }

    /// A client that gets its links from `connect`: a Unix socket, a TLS stream, one end of [`tokio::io::duplex`].
    ///
    /// ```
    /// use nest_wire::client::{Client, Config};
    ///
    /// # #[cfg(unix)] {
    /// let connect = || tokio::net::UnixStream::connect("/run/users.sock");
    /// let client = Client::with_connector(connect, Config::default());
    /// # }
    /// ```
    #[must_use]
    pub fn with_connector<C, F, IO>(connect: C, config: Config) -> Self
    where
        C: Fn() -> F + Clone + Send + Sync + 'static,
        F: Future<Output = io::Result<IO>> + Send + 'static,
        IO: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        Self::with_connectors([connect], config)
    }

    /// As [`with_hosts`](Self::with_hosts), with a connector for each host.
    ///
    /// # Panics
    /// If there is none.
    #[must_use]
    pub fn with_connectors<C, F, IO>(connectors: impl IntoIterator<Item = C>, config: Config) -> Self
    where
        C: Fn() -> F + Clone + Send + Sync + 'static,
        F: Future<Output = io::Result<IO>> + Send + 'static,
        IO: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let connectors: Vec<C> = connectors.into_iter().collect();
        assert!(!connectors.is_empty(), "a client needs at least one host");
        Self {
            timeout: config.timeout,
            members: Arc::new(Members::new(&connectors, config)),
            metadata: Metadata::default(),
        }
    }

    /// The same client with another timeout for its calls.
    #[must_use]
    pub fn with_timeout(&self, timeout: Duration) -> Self {
        Self {
            timeout,
            ..self.clone()
        }
    }

    /// The same client with this `metadata` in each packet it sends, which services read from their context (Nest 12.1
    /// and later; older ones ignore it).
    ///
    /// # Errors
    /// [`CallError::Encode`].
    pub fn with_metadata(&self, metadata: &(impl Serialize + ?Sized)) -> Result<Self, CallError> {
        let metadata = RawJson::of(metadata).map_err(|error| CallError::Encode(Arc::new(error)))?;
        Ok(self.with_raw_metadata(metadata))
    }

    pub(super) fn with_raw_metadata(&self, metadata: RawJson) -> Self {
        Self {
            metadata: self.metadata.with(metadata),
            ..self.clone()
        }
    }

    /// The same client telling services how long its calls wait: the metadata of each packet has the member `key`,
    /// the time when the call is given up, in milliseconds since 1970 as `Date.now()` counts them.
    ///
    /// A Nest handler compares it: `context.getMetadata().deadline < Date.now()`; one that calls on passes it on. The
    /// clocks of both machines have to agree. Metadata that is no object, and calls whose timeout is beyond all time,
    /// stay without it.
    ///
    /// ```
    /// let client = nest_wire::client::Client::new("localhost:8888").with_deadline_metadata("deadline");
    /// ```
    #[must_use]
    pub fn with_deadline_metadata(&self, key: &str) -> Self {
        Self {
            metadata: self.metadata.with_deadline(key),
            ..self.clone()
        }
    }
}

/// Calls.
impl Client {
    /// Sends a message and waits for its answer: of several values, the last one.
    ///
    /// A service that answers undefined has no value: that is `()` or `None`, or else [`CallError::NoValue`].
    ///
    /// # Errors
    /// See [`CallError`]; [`CallError::is_unsent`] says of which errors it is certain that nothing was sent.
    pub async fn send<T: DeserializeOwned>(
        &self,
        pattern: impl Into<Pattern>,
        data: &(impl Serialize + ?Sized),
    ) -> Result<T, CallError> {
        let packet = self.draft(Draft::request(&present(pattern)?), data)?;
        decode(self.ask(packet).await?.as_ref())
    }

    /// Sends a message and gives its values as they come.
    ///
    /// The timeout counts anew for each value.
    ///
    /// # Errors
    /// [`CallError::MissingData`] and [`CallError::Encode`], [`CallError::Overloaded`] and [`CallError::Closed`], and
    /// [`CallError::Timeout`] if other packets keep this one from being written for so long. Every other error is the
    /// stream's last item, [`CallError::Connect`] too (but for a client of several links, which looks for one first).
    pub async fn send_stream<T: DeserializeOwned>(
        &self,
        pattern: impl Into<Pattern>,
        data: &(impl Serialize + ?Sized),
    ) -> Result<Replies<T>, CallError> {
        let packet = self.draft(Draft::request(&present(pattern)?), data)?;
        self.ask_stream(packet).await
    }

    /// Sends an event and waits until it has been handed to the operating system. Nobody answers it.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn emit(&self, pattern: impl Into<Pattern>, data: &(impl Serialize + ?Sized)) -> Result<(), CallError> {
        // Events go to the route, as text, whatever their pattern was (`ClientTCP.dispatchEvent`).
        let route = present(pattern)?.route(self.members.config.compat);
        let packet = self.draft(Draft::event(&route), data)?;
        let span = request_span(&packet, None);
        let limit = Limit::from_now(self.timeout);
        let (waiting, sent) = Waiting::until_done(limit);
        let packet = Box::new(Outgoing {
            id: None,
            text: packet.finish(None),
            waiting,
        });
        let emitted = async {
            let link = self.members.choose(limit).await?;
            self.members.link(link).submit(packet, &self.members.config).await?;
            sent.await.unwrap_or_else(|_| Err(stopped()))
        };
        emitted.instrument(span).await
    }
}

/// Links.
impl Client {
    /// Connects now, instead of with the first call. Of several links, waits for the first.
    ///
    /// ```
    /// # use nest_wire::{client::Client, server::{Listener, Router, serve}};
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let listener = Listener::bind("127.0.0.1:0").await?;
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
        let limit = Limit::from_now(self.timeout);
        self.members.first_connected(limit).await.map(drop)
    }

    /// Whether it is connected, and if not, why.
    #[must_use]
    pub fn state(&self) -> State {
        self.members.board.state()
    }

    /// The states it goes through, beginning with the present one: what Nest's `status` and `on` tell.
    ///
    /// ```
    /// use futures_util::StreamExt;
    /// use nest_wire::client::{Client, State};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// # async fn alarm(_reason: nest_wire::client::Disconnected) {}
    /// let client = Client::new("localhost:1");
    /// let mut states = client.states();
    /// tokio::spawn(async move {
    ///     while let Some(state) = states.next().await {
    ///         match state {
    ///             State::Disconnected(reason) => alarm(reason).await,
    ///             state => println!("{state:?}"),
    ///         }
    ///     }
    /// });
    /// # }
    /// ```
    pub fn states(&self) -> States {
        self.members.board.states()
    }

    /// Closes the client and all its clones: calls made from now on fail with [`CallError::Closed`], those under way
    /// are finished, what waits to be sent is sent, and then the link is closed. Ready when it is.
    ///
    /// What is not finished within [`Config::drain_timeout`] fails with [`CallError::ConnectionClosed`]. If the future
    /// is dropped, closing goes on.
    pub async fn close(&self) {
        self.members.close().await;
    }
}

impl Client {
    /// Writes a packet up to its id.
    pub(super) fn draft(&self, draft: Draft, data: &(impl Serialize + ?Sized)) -> Result<Draft, CallError> {
        self.draft_with(draft, |out| js::append(data, out))
    }

    pub(super) fn draft_with(
        &self,
        mut draft: Draft,
        data: impl FnOnce(&mut Vec<u8>) -> Result<(), serde_json::Error>,
    ) -> Result<Draft, CallError> {
        match draft.data(data) {
            Ok(b"null") => return Err(CallError::MissingData),
            Ok(_) => {}
            Err(error) => return Err(CallError::Encode(Arc::new(error))),
        }
        if let Some(metadata) = self.metadata.json(self.timeout) {
            draft.metadata(&metadata);
        }
        Ok(draft)
    }

    /// Sends a request and waits for its last value.
    pub(super) async fn ask(&self, packet: Draft) -> Result<Option<RawJson>, CallError> {
        let id = CallId::random(self.members.config.compat);
        let span = request_span(&packet, Some(id));
        let limit = Limit::from_now(self.timeout);
        let (waiting, answer) = Waiting::for_last(limit);
        let packet = Box::new(Outgoing {
            id: Some(id),
            text: packet.finish(Some(id)),
            waiting,
        });
        let answered = async {
            let mut guard = Guard::new(&self.members, id, limit).await?;
            guard.link().submit(packet, &self.members.config).await?;
            let answer = answer.await;
            guard.is_over();
            answer.unwrap_or_else(|_| Err(stopped()))
        };
        answered.instrument(span).await
    }

    /// Sends a request and gives its values.
    pub(super) async fn ask_stream<T>(&self, packet: Draft) -> Result<Replies<T>, CallError> {
        let id = CallId::random(self.members.config.compat);
        let span = request_span(&packet, Some(id));
        let limit = Limit::from_now(self.timeout);
        let (waiting, values) = Waiting::for_each(limit);
        let packet = Box::new(Outgoing {
            id: Some(id),
            text: packet.finish(Some(id)),
            waiting,
        });
        let sent = async {
            let guard = Guard::new(&self.members, id, limit).await?;
            guard.link().submit(packet, &self.members.config).await?;
            Ok(Replies::new(values, guard))
        };
        sent.instrument(span).await
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

fn request_span(packet: &Draft, id: Option<CallId>) -> Span {
    debug_span!(
        "request",
        pattern = packet.pattern(),
        id = id.map(tracing::field::display)
    )
}

pub(super) fn present(pattern: impl Into<Pattern>) -> Result<Pattern, CallError> {
    let pattern = pattern.into();
    if pattern.value().is_null() {
        return Err(CallError::MissingPattern);
    }
    Ok(pattern)
}
