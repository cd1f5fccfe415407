//! Constructors of clients, and changed copies of them.

use std::{future::Future, io, net::SocketAddr, sync::Arc, time::Duration};

use serde::Serialize;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::{
    client::{
        AddressError, CallError, Client, Config,
        call::metadata::Metadata,
        connect::{address::checked, host::Host, tcp::TcpConnector},
        pool::ConnectionPool,
    },
    packet::RawJson,
};

/// Makers of clients.
impl Client {
    /// A client of the service at `address`, `"localhost:8888"` for example. Nothing is connected yet.
    ///
    /// A name may have several addresses. The client connects to the first one that answers: it tries the next address
    /// a quarter of a second later, or at once when one fails, and IPv6 and IPv4 take turns (RFC 8305).
    ///
    /// # Panics
    /// `address` has no port, for example. [`try_new`](Self::try_new) returns an error for addresses that come from
    /// outside.
    #[must_use]
    pub fn new(address: impl Into<String>) -> Self {
        Self::with_config(address, Config::default())
    }

    /// As [`new`](Self::new), for an address that may be malformed.
    ///
    /// # Errors
    /// `address` has no port, for example. A name that does not exist is found when the client connects.
    pub fn try_new(address: impl Into<String>) -> Result<Self, AddressError> {
        Self::try_with_hosts([address], Config::default())
    }

    /// As [`new`](Self::new), with other limits and timeouts.
    ///
    /// # Panics
    /// As [`new`](Self::new).
    #[must_use]
    pub fn with_config(address: impl Into<String>, config: Config) -> Self {
        Self::with_hosts([address], config)
    }

    /// A client of a service that runs at several addresses.
    ///
    /// From the first call on it keeps a link to each of them; calls go to the less busy of two connected ones. A host
    /// that is lost gets no more calls, and its link is made again as [`Config::reconnect`] says, always in the
    /// background. A call waits for a link only if there is none at all. A host whose calls time out or are lost again
    /// and again gets none for a while, as [`Config::counts_as_failure`] says.
    ///
    /// ```
    /// use nest_wire::{client::{Client, Config}, server::{HostListener, Payload, Router, serve}};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let mut hosts = Vec::new();
    /// # for _ in 0..2 {
    /// #     let listener = HostListener::bind("127.0.0.1:0").await?;
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
    /// There is no address, or one is malformed: it has no port, for example.
    #[must_use]
    pub fn with_hosts(addresses: impl IntoIterator<Item = impl Into<String>>, config: Config) -> Self {
        Self::try_with_hosts(addresses, config).unwrap_or_else(|error| error.panic())
    }

    /// As [`with_hosts`](Self::with_hosts), for addresses that may be malformed.
    ///
    /// # Errors
    /// An address has no port, for example.
    ///
    /// # Panics
    /// There is no address.
    pub fn try_with_hosts(
        addresses: impl IntoIterator<Item = impl Into<String>>,
        config: Config,
    ) -> Result<Self, AddressError> {
        let dialer = TcpConnector::new(&config);
        let host = |address: String| {
            let name: Arc<str> = checked(address)?.into();
            let (address, dialer) = (Arc::clone(&name), dialer.clone());
            let connect = move || {
                let (address, dialer) = (Arc::clone(&address), dialer.clone());
                async move { dialer.dial(&address).await }
            };
            Ok(Host::named(name, connect))
        };
        let hosts: Vec<_> = addresses
            .into_iter()
            .map(|address| host(address.into()))
            .collect::<Result<_, _>>()?;
        Ok(Self::of_hosts(&hosts, config))
    }

    /// A client of a service whose addresses `resolve` knows: Consul, etcd, SRV records.
    ///
    /// It is asked before each attempt to connect, so that what it says may change. The first of its addresses that
    /// answers is taken, as [`new`](Self::new) says, beginning with a random one. With [`Config::connections`] more than
    /// 1, links spread over them.
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
        let dialer = TcpConnector::new(&config);
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
        let hosts: Vec<_> = connectors.into_iter().map(Host::unnamed).collect();
        Self::of_hosts(&hosts, config)
    }

    pub(in crate::client) fn of_hosts<C, F, IO>(hosts: &[Host<C>], config: Config) -> Self
    where
        C: Fn() -> F + Clone + Send + Sync + 'static,
        F: Future<Output = io::Result<IO>> + Send + 'static,
        IO: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        assert!(!hosts.is_empty(), "a client needs at least one host");
        Self {
            timeout: config.timeout,
            pool: Arc::new(ConnectionPool::new(hosts, config)),
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
        let metadata = RawJson::from_value(metadata).map_err(|error| CallError::Encode(Arc::new(error)))?;
        Ok(self.with_raw_metadata(metadata))
    }

    pub(in crate::client) fn with_raw_metadata(&self, metadata: RawJson) -> Self {
        Self {
            metadata: self.metadata.with(metadata),
            ..self.clone()
        }
    }

    /// The same client passing the trace on that it is called in (feature `otel`): the metadata of each packet carries
    /// the context of the call's span, W3C's `traceparent` and `tracestate` for example, beside whatever other metadata
    /// there is. Services that read it, as a router `with_trace_context` does, put their spans below it.
    ///
    /// The members are written by OpenTelemetry's global propagator, which has to be set
    /// (`opentelemetry::global::set_text_map_propagator`), and spans get there by a layer of `tracing-opentelemetry`.
    /// They then have the level `INFO`, otherwise `DEBUG`. Metadata that is no object stays without.
    /// `docs/OBSERVABILITY.md` shows all of it together.
    ///
    /// ```
    /// let client = nest_wire::client::Client::new("localhost:8888").with_trace_context();
    /// ```
    #[cfg(feature = "otel")]
    #[must_use]
    pub fn with_trace_context(&self) -> Self {
        Self {
            metadata: self.metadata.traced(),
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
    /// use std::time::{Duration, SystemTime, UNIX_EPOCH};
    /// use nest_wire::{
    ///     client::Client,
    ///     packet::RpcError,
    ///     server::{Metadata, Next, Reply, Request, Router, from_fn},
    /// };
    ///
    /// let client = Client::new("localhost:8888").with_deadline_metadata("deadline");
    ///
    /// #[derive(serde::Deserialize)]
    /// struct Until { deadline: u64 }
    ///
    /// /// On the other side, if that is ours: gives up what its caller has given up.
    /// async fn in_time(until: Option<Metadata<Until>>, request: Request, next: Next) -> Result<Reply, RpcError> {
    ///     let Some(Metadata(Until { deadline })) = until else {
    ///         return Ok(next.run(request).await);
    ///     };
    ///     let deadline = UNIX_EPOCH + Duration::from_millis(deadline);
    ///     let left = deadline.duration_since(SystemTime::now()).unwrap_or_default();
    ///     let reply = tokio::time::timeout(left, next.run(request)).await;
    ///     reply.map_err(|_| RpcError::new("too late"))
    /// }
    ///
    /// let router: Router = Router::new().message("ping", async || "pong").layer(from_fn(in_time));
    /// ```
    #[must_use]
    pub fn with_deadline_metadata(&self, key: &str) -> Self {
        Self {
            metadata: self.metadata.with_deadline(key),
            ..self.clone()
        }
    }
}
