//! What a client connects to.

use std::{fmt, future::Future, io, net::SocketAddr, sync::Arc};

use tokio::io::{AsyncRead, AsyncWrite};

#[cfg(feature = "tls")]
use crate::client::builder::tls::over_tls;
use crate::client::{
    BuildError, Client,
    config::Config,
    connect::{address::checked, host::Host, tcp::TcpConnector},
};

type Make = Box<dyn FnOnce(Config) -> Result<Client, BuildError> + Send>;

/// What a client connects to: one address or several (`"users:8888"`, `["users-1:8888",
/// "users-2:8888"]`), hosts that come and go ([`discover_dns`](Self::discover_dns),
/// [`discover`](Self::discover)), a [resolver](Self::resolver), a [connector](Self::connector), or
/// a [Unix socket](Self::unix).
///
/// The text of an address is a host and a port. A name may have several addresses: the client
/// connects to the first one that answers. It tries the next one a quarter of a second later, or at
/// once when one fails, and IPv6 and IPv4 take turns (RFC 8305). Of the addresses of one family it
/// begins with a random one, and each further connection with the next one, so that clients and
/// [connections](crate::client::ClientBuilder::connections) spread over the addresses.
pub struct Target(Make);

impl Target {
    /// Returns a target of which `make` makes a client.
    pub(in crate::client) fn made_by(make: impl FnOnce(Config) -> Result<Client, BuildError> + Send + 'static) -> Self {
        Self(Box::new(make))
    }

    fn addresses(addresses: Vec<String>) -> Self {
        Self(Box::new(move |config| {
            #[cfg(feature = "tls")]
            if let Some(tls) = config.tls.clone() {
                return over_tls(addresses, &tls, config);
            }
            over_tcp(addresses, config)
        }))
    }

    /// Returns a target whose addresses `resolve` knows: Consul, etcd, SRV records.
    ///
    /// `resolve` is called before each attempt to connect, so that its addresses may change. The
    /// client connects to the first of them that answers, beginning with a random one of the first
    /// one's family, and each further connection with the next one: of several
    /// [`connections`](crate::client::ClientBuilder::connections), each leads to another address,
    /// as long as there are so many. [`discover`](Self::discover) connects to all addresses.
    ///
    /// ```
    /// use nest_wire::client::{Client, Target};
    ///
    /// // Here would be the question to a registry.
    /// let resolve = async || tokio::net::lookup_host("users.internal:8888").await.map(Iterator::collect);
    /// let client = Client::builder().connections(4).build(Target::resolver(resolve))?;
    /// # Ok::<(), nest_wire::client::BuildError>(())
    /// ```
    #[must_use]
    pub fn resolver<R, F>(resolve: R) -> Self
    where
        R: Fn() -> F + Clone + Send + Sync + 'static,
        F: Future<Output = io::Result<Vec<SocketAddr>>> + Send + 'static,
    {
        Self(Box::new(move |config| {
            let connector = TcpConnector::new(config.tcp.clone());
            let connect = move || {
                let (addresses, connector) = (resolve(), connector.clone());
                async move { connector.dial_any(addresses.await?).await }
            };
            Self::connector(connect).make(config)
        }))
    }

    /// Returns a target to which `connect` connects: one end of [`tokio::io::duplex`], a proxy's
    /// tunnel, another kind of socket.
    ///
    /// ```
    /// use nest_wire::client::{Client, Target};
    ///
    /// # #[cfg(unix)] {
    /// let connect = || tokio::net::UnixStream::connect("/run/users.sock");
    /// let client = Client::builder().build(Target::connector(connect))?;
    /// # }
    /// # Ok::<(), nest_wire::client::BuildError>(())
    /// ```
    #[must_use]
    pub fn connector<C, F, IO>(connect: C) -> Self
    where
        C: Fn() -> F + Clone + Send + Sync + 'static,
        F: Future<Output = io::Result<IO>> + Send + 'static,
        IO: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        Self::connectors([connect])
    }

    /// Returns a target of several hosts, with a connector for each.
    #[must_use]
    pub fn connectors<C, F, IO>(connectors: impl IntoIterator<Item = C>) -> Self
    where
        C: Fn() -> F + Clone + Send + Sync + 'static,
        F: Future<Output = io::Result<IO>> + Send + 'static,
        IO: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let hosts: Vec<_> = connectors.into_iter().map(Host::unnamed).collect();
        Self::hosts(hosts)
    }

    /// Returns a target that is the Unix socket at `path`.
    ///
    /// ```no_run
    /// use nest_wire::client::{Client, Target};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let client = Client::builder().build(Target::unix("/run/my-service.sock"))?;
    /// let answer: String = client.send("ping", &0).await?;
    /// # Ok(()) }
    /// ```
    #[cfg(unix)]
    #[must_use]
    pub fn unix(path: impl AsRef<std::path::Path>) -> Self {
        let path: Arc<std::path::Path> = path.as_ref().into();
        let address = path.display().to_string().into();
        let connect = move || {
            let path = Arc::clone(&path);
            async move { tokio::net::UnixStream::connect(&path).await }
        };
        Self::hosts(vec![Host::named(address, connect)])
    }

    /// Hosts to which TLS could not be spoken by itself: there is no name to verify.
    fn hosts<C, F, IO>(hosts: Vec<Host<C>>) -> Self
    where
        C: Fn() -> F + Clone + Send + Sync + 'static,
        F: Future<Output = io::Result<IO>> + Send + 'static,
        IO: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        Self(Box::new(move |config| {
            #[cfg(feature = "tls")]
            if config.tls.is_some() {
                return Err(BuildError::TlsWithoutAddress);
            }
            Client::of_hosts(hosts, config)
        }))
    }

    pub(in crate::client) fn make(self, config: Config) -> Result<Client, BuildError> {
        (self.0)(config)
    }
}

/// Makes a client of the services at these addresses.
fn over_tcp(addresses: Vec<String>, config: Config) -> Result<Client, BuildError> {
    let host = |address: String| {
        let name: Arc<str> = checked(address)?.into();
        let (address, connector) = (Arc::clone(&name), TcpConnector::new(config.tcp.clone()));
        let connect = move || {
            let (address, connector) = (Arc::clone(&address), connector.clone());
            async move { connector.dial(&address).await }
        };
        Ok(Host::named(name, connect))
    };
    let hosts: Vec<_> = addresses.into_iter().map(host).collect::<Result<_, BuildError>>()?;
    Client::of_hosts(hosts, config)
}

impl From<&str> for Target {
    fn from(address: &str) -> Self {
        Self::addresses(vec![address.to_owned()])
    }
}

impl From<&String> for Target {
    fn from(address: &String) -> Self {
        Self::addresses(vec![address.clone()])
    }
}

impl From<String> for Target {
    fn from(address: String) -> Self {
        Self::addresses(vec![address])
    }
}

impl From<SocketAddr> for Target {
    fn from(address: SocketAddr) -> Self {
        Self::addresses(vec![address.to_string()])
    }
}

impl<A: Into<String>> From<Vec<A>> for Target {
    fn from(addresses: Vec<A>) -> Self {
        Self::addresses(addresses.into_iter().map(Into::into).collect())
    }
}

impl<A: Into<String>, const N: usize> From<[A; N]> for Target {
    fn from(addresses: [A; N]) -> Self {
        Self::addresses(addresses.map(Into::into).into())
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Target(..)")
    }
}
