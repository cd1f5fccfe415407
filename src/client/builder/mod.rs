//! Makes clients.

pub(in crate::client) mod discover;
pub(in crate::client) mod error;
pub(in crate::client) mod target;
#[cfg(feature = "tls")]
pub(in crate::client) mod tls;

use std::time::Duration;

#[cfg(feature = "tls")]
use crate::tls::ClientTls;
use crate::{
    client::{
        BuildError, Client, OverloadPolicy, ReconnectPolicy, Target,
        config::{Config, CountsAsFailure, at_least_one},
    },
    compat::Compat,
    connection::{TcpOptions, TransportConfig},
    packet::RpcError,
};

/// Makes a [`Client`]: its timeouts, limits and manner of connecting, then what it connects to.
///
/// ```
/// use std::time::Duration;
/// use nest_wire::client::{Client, OverloadPolicy, ReconnectPolicy};
///
/// let client = Client::builder()
///     .timeout(Duration::from_secs(5))
///     .reconnect(ReconnectPolicy::always())
///     .max_in_flight(256)
///     .overload(OverloadPolicy::Fail)
///     .build("localhost:8888")?;
/// # Ok::<(), nest_wire::client::BuildError>(())
/// ```
#[derive(Debug, Clone, Default)]
#[must_use = "a builder does nothing until `build` is called"]
pub struct ClientBuilder {
    config: Config,
}

impl Client {
    /// Makes a client of the service at `address`, `"localhost:8888"` for example. Nothing is
    /// connected yet.
    ///
    /// # Panics
    /// `address` has no port, for example. [`ClientBuilder::build`] returns an error instead, for
    /// addresses that come from outside.
    #[must_use]
    #[track_caller]
    pub fn new(address: impl Into<String>) -> Self {
        match Self::builder().build(address.into()) {
            Ok(client) => client,
            Err(BuildError::Address(error)) => error.panic(),
            Err(error) => panic!("{error}"),
        }
    }

    /// Returns a builder, for other timeouts and limits and other ways to connect.
    pub fn builder() -> ClientBuilder {
        ClientBuilder::default()
    }
}

impl ClientBuilder {
    /// Makes a client of what is at `target`. Nothing is connected yet.
    ///
    /// A client of several hosts keeps a connection to each of them from the first call on; calls
    /// go to the less busy of two connected ones. A host that is lost gets no more calls, and the
    /// client connects to it again as [`reconnect`](Self::reconnect) says, always in the
    /// background. A call waits for a connection only if there is none at all. A host whose calls
    /// time out or are lost again and again gets none for a while, as
    /// [`counts_as_failure`](Self::counts_as_failure) says.
    ///
    /// ```
    /// use nest_wire::{client::Client, server::{HostListener, Payload, Router, serve}};
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
    /// let client = Client::builder().build(hosts)?;
    /// assert_eq!(client.send::<String>("echo", "hi").await?, "hi");
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`BuildError`]: an address has no port, for example.
    pub fn build(self, target: impl Into<Target>) -> Result<Client, BuildError> {
        target.into().make(self.config)
    }

    /// Sets how long a call may take, connecting and waiting for room included; for a stream, how
    /// long the service may be silent before each further value.
    ///
    /// Raise it for slow handlers, or set it for some calls with
    /// [`RequestBuilder::timeout`](crate::client::RequestBuilder::timeout). Lower it where callers
    /// have given up long before. Default: 30 seconds. (Nest waits for ever, as [`Duration::MAX`]
    /// does.)
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.config.timeout = timeout;
        self
    }

    /// Sets how long one attempt to connect may take: looking a name up, trying its addresses and
    /// the TLS handshake, all together. Raise it for far services, lower it to try the next host
    /// sooner. 0 leaves time only for what needs no waiting, that is, practically none. Default: 10
    /// seconds.
    pub const fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.config.connect_timeout = timeout;
        self
    }

    /// Sets when and how often the client tries again to connect. Default: with the next call,
    /// once, as Nest.
    pub const fn reconnect(mut self, policy: ReconnectPolicy) -> Self {
        self.config.reconnect = policy;
        self
    }

    /// Sets the number of connections to each host, from 1 to 1,024; calls go to the less busy of
    /// two of them.
    ///
    /// Raise it where one connection, that is one task on our side and one event loop on the
    /// service's, is the bottleneck: a proxy in between may spread connections over several
    /// processes. Default: 1, as Nest.
    pub const fn connections(mut self, connections: usize) -> Self {
        self.config.connections = at_least_one(connections);
        self
    }

    /// Sets the maximum number of requests that wait for their replies at the same time, streams
    /// included; 0 counts as 1. Default: no limit, as Nest.
    ///
    /// Set it to what the service can work on at once: what exceeds it waits here, or
    /// [fails](Self::overload), and not in the service's memory. Events are not counted.
    pub const fn max_in_flight(mut self, calls: usize) -> Self {
        self.config.max_in_flight = Some(at_least_one(calls));
        self
    }

    /// Sets the maximum number of packets that wait to be written on one connection, while there is
    /// none yet or while the service does not read; 0 counts as 1. Of several connections, while
    /// there is none at all, this many callers for each of them may wait for one.
    ///
    /// Raise it to ride out longer pauses, lower it to bound what they cost in memory: this many
    /// packets and 64 KiB, and what callers who wait for room hold themselves. Default: 1,024.
    pub const fn max_queued(mut self, packets: usize) -> Self {
        self.config.max_queued = at_least_one(packets);
        self
    }

    /// Sets which errors that a service replies with count as a failure of its host, where a client
    /// has several. Default: none does, for most errors are the caller's own.
    ///
    /// A host that fails three times in a row gets no calls for a second, then one that shows
    /// whether it is well again. If that fails too, the time doubles, up to a minute; a success
    /// ends all that. Calls that time out and those whose connection is lost before the reply
    /// always count. No more than half of the hosts are without calls at the same time. Of a single
    /// host, each of its [`connections`](Self::connections) counts as a host. Calls whose future is
    /// dropped do not count.
    ///
    /// ```
    /// use nest_wire::client::Client;
    ///
    /// let builder = Client::builder()
    ///     .counts_as_failure(|error| error.message().as_deref() == Some("Internal server error"));
    /// ```
    pub const fn counts_as_failure(mut self, counts_as_failure: fn(&RpcError) -> bool) -> Self {
        self.config.counts_as_failure = Some(CountsAsFailure(counts_as_failure));
        self
    }

    /// Sets the maximum size of a stream's values that wait until its caller takes them, in bytes:
    /// their JSON text, and 64 bytes for each.
    ///
    /// A stream that exceeds it keeps the connection from being read, and the service waits, as
    /// long as no other call waits for a reply on the same connection. Once one does, a further
    /// value ends the stream with
    /// [`CallError::StreamOverflow`](crate::client::CallError::StreamOverflow). A segment of 64
    /// KiB, or one large value, may come on top; and as much again, or 1 MiB, while packets of ours
    /// wait for a service that first wants to be read. Raise it for callers that pause for long
    /// among other calls, or give them a client of their own; lower it to bound memory. Default:
    /// 4,194,304 (4 MiB).
    pub const fn max_stream_buffer(mut self, bytes: usize) -> Self {
        self.config.max_stream_buffer = bytes;
        self
    }

    /// Sets what happens to calls that exceed [`max_in_flight`](Self::max_in_flight) or
    /// [`max_queued`](Self::max_queued). Default: they wait.
    pub const fn overload(mut self, policy: OverloadPolicy) -> Self {
        self.config.overload = policy;
        self
    }

    /// Sets how long [`Client::close`], and the end of the last handle, wait for what is in flight,
    /// and for the service to close its side too, before the connection is cut. What the service
    /// has not read by then is lost. Raise it for slow handlers; lower it to stop sooner. Default:
    /// 25 seconds.
    pub const fn drain_timeout(mut self, timeout: Duration) -> Self {
        self.config.drain_timeout = timeout;
        self
    }

    /// Sets the age at which a connection is replaced by a new one to the same target: make before
    /// break, so that no call is lost. Default: none, as Nest.
    ///
    /// It lets a client move to other hosts behind a balancer or a name, which choose a host once
    /// for each connection: set it to some minutes for those. A connection that is too old, 10 %
    /// more or less, keeps its calls until a successor is established. Then new calls take the
    /// successor, and the old connection closes after its last call, or at
    /// [`drain_timeout`](Self::drain_timeout): a stream that lasts longer than that ends with
    /// [`CallError::ConnectionClosed`](crate::client::CallError::ConnectionClosed). If the
    /// successor cannot connect, the old connection stays, and the client tries again with the
    /// pauses of its [policy](Self::reconnect).
    ///
    /// An event that is sent on the successor may overtake one that was sent on the old connection.
    /// The client connects in the background, as with
    /// [`ReconnectMode::Always`](crate::client::ReconnectMode::Always). Less than 100 milliseconds
    /// counts as 100 milliseconds. At most 1,024 connections are open beside those in use.
    ///
    /// ```
    /// use std::time::Duration;
    /// use nest_wire::client::Client;
    ///
    /// let client = Client::builder().max_age(Duration::from_secs(300)).build("users:8888")?;
    /// # Ok::<(), nest_wire::client::BuildError>(())
    /// ```
    pub const fn max_age(mut self, age: Duration) -> Self {
        self.config.max_age = Some(age);
        self
    }

    /// Sets how often the client asks for the addresses of a target that is
    /// [discovered](Target::discover). Lower it to find new hosts sooner; raise it to spare the
    /// resolver. Less than 10 milliseconds counts as 10 milliseconds. Default: 10 seconds.
    pub const fn discover_interval(mut self, interval: Duration) -> Self {
        self.config.discover_interval = interval;
        self
    }

    /// Sets the options of the TCP connections that the client opens itself.
    pub fn tcp(mut self, options: TcpOptions) -> Self {
        self.config.tcp = options;
        self
    }

    /// Sets the limits and the framing of each connection.
    pub fn transport(mut self, config: TransportConfig) -> Self {
        self.config.transport = config;
        self
    }

    /// Sets which major of Nest to call like. Default: the newest.
    pub const fn compat(mut self, compat: Compat) -> Self {
        self.config.compat = compat;
        self
    }

    /// Speaks TLS with the services at the target's addresses: as `tls` says, a [`ClientTls`] or a
    /// `ClientConfig` of [`rustls`](crate::tls::rustls).
    ///
    /// [`connect_timeout`](Self::connect_timeout) includes the handshake. Of several addresses of a
    /// name, the first to accept the TCP connection is taken; if it then does not answer in TLS,
    /// the attempt fails and the next one begins anew. For TLS over anything but TCP, give
    /// [`Target::connector`] a closure that ends with [`ClientTls::connect`].
    ///
    /// ```no_run
    /// use nest_wire::{client::Client, tls::ClientTls};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let client = Client::builder().tls(ClientTls::from_ca_file("ca.pem")?).build("localhost:8888")?;
    /// let answer: String = client.send("ping", &0).await?;
    /// # Ok(()) }
    /// ```
    #[cfg(feature = "tls")]
    pub fn tls(mut self, tls: impl Into<ClientTls>) -> Self {
        self.config.tls = Some(tls.into());
        self
    }
}
