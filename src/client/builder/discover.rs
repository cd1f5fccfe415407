//! Targets whose hosts come and go.

use std::{future::Future, io, net::SocketAddr, sync::Arc};

use tokio::net::lookup_host;

#[cfg(feature = "tls")]
use crate::client::builder::tls::opener_over_tls;
use crate::client::{
    Client, Target,
    config::Config,
    connect::{address::checked, host::Host, tcp::TcpConnector},
    pool::{Hosts, connection::Opener, keeper::discovery::Discovery},
};

impl Target {
    /// Returns a target of all hosts whose addresses `resolve` returns at the time: the pods of a
    /// service, what Consul or etcd know.
    ///
    /// The client keeps [`connections`](crate::client::ClientBuilder::connections) to each address,
    /// and spreads its calls over them as over [several
    /// hosts](crate::client::ClientBuilder::build). It asks again every [10
    /// seconds](crate::client::ClientBuilder::discover_interval), and at once when a connection is
    /// lost, but no more than once a second for that. New addresses join. Connections to addresses
    /// that are gone take no more calls and close after their last one, or at
    /// [`drain_timeout`](crate::client::ClientBuilder::drain_timeout); they stay until a connection
    /// to one of the current addresses is established. Equal addresses count once.
    ///
    /// An empty answer, an error, a panic, and no answer within
    /// [`connect_timeout`](crate::client::ClientBuilder::connect_timeout) change nothing: calls go
    /// to the hosts that are known. A warning is logged when that begins. While no host is known
    /// yet, calls wait, or fail with [`CallError::Connect`](crate::client::CallError::Connect)
    /// after the [attempts](crate::client::ReconnectPolicy::attempts) of the client's policy; the
    /// pauses between the attempts are those of the policy too.
    ///
    /// A client connects to at most 1,024 addresses, divided by the number of connections to each.
    /// Of more, it keeps those it has and chooses others at random. A client of discovered hosts
    /// connects in the background, as with
    /// [`ReconnectMode::Always`](crate::client::ReconnectMode::Always), from its first call on.
    ///
    /// Under TLS the certificate has to be valid for the IP address, unless
    /// `ClientTls::server_name` sets another name.
    ///
    /// ```
    /// use std::{io, net::SocketAddr, time::Duration};
    /// use nest_wire::client::{Client, Target};
    ///
    /// // Here would be the question to a registry.
    /// async fn pods() -> io::Result<Vec<SocketAddr>> {
    ///     Ok(vec!["10.0.0.1:8888".parse().unwrap(), "10.0.0.2:8888".parse().unwrap()])
    /// }
    ///
    /// let client = Client::builder()
    ///     .discover_interval(Duration::from_secs(5))
    ///     .build(Target::discover(pods))?;
    /// # Ok::<(), nest_wire::client::BuildError>(())
    /// ```
    #[must_use]
    pub fn discover<R, F>(resolve: R) -> Self
    where
        R: Fn() -> F + Send + Sync + 'static,
        F: Future<Output = io::Result<Vec<SocketAddr>>> + Send + 'static,
    {
        Self::made_by(move |config| {
            let opener = opener(None, &config);
            Ok(Client::of(Hosts::Discovered(Discovery::new(resolve, opener)), config))
        })
    }

    /// Returns a target of all addresses of a DNS name, `"users.internal:8888"` for example, as
    /// [`discover`](Self::discover) uses them: in Kubernetes, of all pods of a headless Service.
    ///
    /// Each address counts as a host of its own, also if a name has an IPv4 and an IPv6 address of
    /// the same machine. Under TLS the certificates have to be valid for the name.
    ///
    /// ```
    /// use nest_wire::client::{Client, Target};
    ///
    /// let client = Client::builder().build(Target::discover_dns("users.internal:8888"))?;
    /// # Ok::<(), nest_wire::client::BuildError>(())
    /// ```
    #[must_use]
    pub fn discover_dns(name: impl Into<String>) -> Self {
        let name = name.into();
        Self::made_by(move |config| {
            let name: Arc<str> = checked(name)?.into();
            #[cfg(feature = "tls")]
            let config = match config.tls.clone() {
                Some(tls) => Config {
                    tls: Some(tls.for_address(&name)?),
                    ..config
                },
                None => config,
            };
            let opener = opener(Some(Arc::clone(&name)), &config);
            let resolve = move || {
                let name = Arc::clone(&name);
                async move { lookup_host(&*name).await.map(Iterator::collect) }
            };
            Ok(Client::of(Hosts::Discovered(Discovery::new(resolve, opener)), config))
        })
    }
}

/// Returns the function that makes the opener of connections to an address. Errors name the
/// address, and the DNS name if there is one.
fn opener(name: Option<Arc<str>>, config: &Config) -> impl Fn(SocketAddr) -> Opener + Send + Sync + 'static {
    let connector = TcpConnector::new(config.tcp.clone());
    #[cfg(feature = "tls")]
    let (tls, limit) = (config.tls.clone(), config.connect_timeout);
    move |address| {
        let shown: Arc<str> = match &name {
            Some(name) => format!("{name} ({address})").into(),
            None => address.to_string().into(),
        };
        #[cfg(feature = "tls")]
        if let Some(tls) = tls.clone() {
            return opener_over_tls(shown, address, tls, connector.clone(), limit);
        }
        let connector = connector.clone();
        Opener::new(Host::named(shown, move || {
            let connector = connector.clone();
            async move { connector.dial_any(vec![address]).await }
        }))
    }
}
