//! TLS as a caller does it.

use std::{io, path::Path, sync::Arc};

use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::Instant,
};
use tokio_rustls::{
    TlsConnector,
    client::TlsStream,
    rustls::{ClientConfig, pki_types::ServerName},
};

use super::{
    Authorities, HandshakeError, Identity, PinnedCertificates, TlsError, provider,
    shown::Shown,
    verdict::{Noting, judged},
};

/// Which services a caller trusts, and its own certificate: Nest's `tlsOptions` of a client. TLS
/// 1.2 and 1.3.
///
/// ```no_run
/// use nest_wire::tls::{ClientTls, Identity};
///
/// // tlsOptions: { ca }
/// let tls = ClientTls::from_ca_file("services-ca.pem")?;
/// // tlsOptions: { ca, cert, key }
/// let mutual = tls.identity(Identity::from_pem_files("cert.pem", "key.pem")?);
/// // tlsOptions: { ca, cert, key, servername: 'orders.internal' }
/// let named = mutual.server_name("orders.internal")?;
/// # Ok::<(), nest_wire::tls::TlsError>(())
/// ```
///
/// A [`rustls`](super::rustls) configuration of one's own is turned into this with `into()`.
#[derive(Debug, Clone)]
pub struct ClientTls {
    config: Arc<ClientConfig>,
    /// What is used instead of `config` by a caller that shows a certificate.
    shown: Option<Arc<Shown>>,
    server_name: Option<ServerName<'static>>,
}

impl ClientTls {
    /// Trusts services whose certificate one of these has signed.
    #[must_use]
    pub fn trusting(authorities: Authorities) -> Self {
        let config = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .expect("ring knows the ciphers of TLS 1.2 and 1.3")
            .with_root_certificates(authorities.into_store())
            .with_no_client_auth();
        config.into()
    }

    /// Trusts services that show one of these certificates, and no others. The name of the service
    /// is not verified.
    ///
    /// ```no_run
    /// use nest_wire::tls::{ClientTls, PinnedCertificates};
    ///
    /// // tlsOptions: { ca }, where that is the service's own certificate
    /// let tls = ClientTls::trusting_pinned(PinnedCertificates::from_pem_file("service.pem")?);
    /// # Ok::<(), nest_wire::tls::TlsError>(())
    /// ```
    #[must_use]
    pub fn trusting_pinned(certificates: PinnedCertificates) -> Self {
        let config = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .expect("ring knows the ciphers of TLS 1.2 and 1.3")
            .dangerous()
            .with_custom_certificate_verifier(certificates.verifier())
            .with_no_client_auth();
        config.into()
    }

    /// As [`trusting`](Self::trusting), with the [`Authorities`] that are in this file.
    ///
    /// # Errors
    /// As [`Authorities::from_pem_file`].
    pub fn from_ca_file(path: impl AsRef<Path>) -> Result<Self, TlsError> {
        Authorities::from_pem_file(path).map(Self::trusting)
    }

    /// Shows this certificate to services that ask for one.
    #[must_use]
    pub fn identity(mut self, identity: Identity) -> Self {
        self.shown = Some(Arc::new(Shown::new(Arc::clone(&self.config), identity)));
        self
    }

    /// Returns what the service's certificate has to be for: a DNS name or an IP address. Default:
    /// the host that is connected to. Set it where that is another, behind a tunnel for example.
    ///
    /// # Errors
    /// [`TlsError::ServerName`].
    pub fn server_name(mut self, name: &str) -> Result<Self, TlsError> {
        self.server_name = Some(server_name(name)?);
        Ok(self)
    }

    /// Returns the same, with what to expect settled: the name set before, or else the host in
    /// `address` (`"localhost:8888"`, `"[::1]:8888"`).
    ///
    /// # Errors
    /// [`TlsError::ServerName`].
    pub(crate) fn for_address(self, address: &str) -> Result<Self, TlsError> {
        match self.server_name {
            Some(_) => Ok(self),
            None => self.server_name(host(address)),
        }
    }

    /// Does the handshake on a connection that is open, and gives the connection inside.
    ///
    /// `host` is what the certificate has to be for, unless that [was set](Self::server_name).
    ///
    /// In TLS 1.3, a service that asks for a certificate looks at it after the caller's part of the
    /// handshake. This waits for what it then sends, half a second at most. Services of Node close
    /// the connection some time after the handshake if nobody vouches for the certificate: their
    /// refusal may come only when this has returned.
    ///
    /// # Errors
    /// [`HandshakeError`] in an [`io::Error`]: the service is not who it should be, refuses us, or
    /// speaks no TLS.
    pub async fn connect<IO>(&self, host: &str, link: IO) -> io::Result<TlsStream<IO>>
    where
        IO: AsyncRead + AsyncWrite + Unpin,
    {
        self.connect_by(None, host, link).await
    }

    /// As [`connect`](Self::connect), where all has to be over by `deadline`: the wait for a
    /// verdict is no longer than half of what is left by then.
    pub(crate) async fn connect_by<IO>(
        &self,
        deadline: Option<Instant>,
        host: &str,
        link: IO,
    ) -> io::Result<TlsStream<IO>>
    where
        IO: AsyncRead + AsyncWrite + Unpin,
    {
        let name = match &self.server_name {
            Some(name) => name.clone(),
            None => server_name(host).map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?,
        };
        let config = match &self.shown {
            Some(shown) => shown.config(),
            None => Arc::clone(&self.config),
        };
        let connector = TlsConnector::from(config);
        let connected = judged(connector.connect(name.clone(), link), deadline).await;
        connected.map_err(|source| {
            let name = name.to_str().into_owned();
            io::Error::new(source.kind(), HandshakeError::new(name, source))
        })
    }
}

impl From<Arc<ClientConfig>> for ClientTls {
    fn from(config: Arc<ClientConfig>) -> Self {
        let mut config = Arc::unwrap_or_clone(config);
        config.client_auth_cert_resolver = Arc::new(Noting(config.client_auth_cert_resolver));
        Self {
            config: Arc::new(config),
            shown: None,
            server_name: None,
        }
    }
}

impl From<ClientConfig> for ClientTls {
    fn from(config: ClientConfig) -> Self {
        Arc::new(config).into()
    }
}

fn server_name(name: &str) -> Result<ServerName<'static>, TlsError> {
    ServerName::try_from(name.to_owned()).map_err(|source| TlsError::ServerName {
        name: name.to_owned(),
        source,
    })
}

/// Returns the host of `host:port`; an IPv6 address is in brackets there.
fn host(address: &str) -> &str {
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    host.strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .unwrap_or(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_of_an_address_is_found() {
        for (address, expected) in [
            ("localhost:8888", "localhost"),
            ("127.0.0.1:1", "127.0.0.1"),
            ("[::1]:8888", "::1"),
        ] {
            assert_eq!(host(address), expected);
        }
    }

    #[test]
    fn what_is_no_name_is_refused_before_anybody_connects() {
        let error = server_name("no name").expect_err("it has a space");
        assert_eq!(
            error.to_string(),
            r#""no name" is no name that a certificate could be for"#
        );
    }
}
