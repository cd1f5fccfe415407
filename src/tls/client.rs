//! The caller's side of TLS.

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

/// The services that a caller trusts, and the caller's own certificate: Nest's `tlsOptions` of a
/// client. TLS 1.2 and 1.3.
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
/// A custom [`rustls`](super::rustls) configuration is converted into this type with `into()`.
#[derive(Debug, Clone)]
pub struct ClientTls {
    config: Arc<ClientConfig>,
    /// Used instead of `config` by a caller that shows a certificate.
    shown: Option<Arc<Shown>>,
    server_name: Option<ServerName<'static>>,
}

impl ClientTls {
    /// Returns a configuration that trusts services with a certificate signed by one of these
    /// authorities.
    #[must_use]
    pub fn trusting(authorities: Authorities) -> Self {
        let config = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .expect("ring knows the ciphers of TLS 1.2 and 1.3")
            .with_root_certificates(authorities.into_store())
            .with_no_client_auth();
        config.into()
    }

    /// Returns a configuration that trusts services with one of these certificates, and no others.
    /// The name of the service is not verified.
    ///
    /// ```no_run
    /// use nest_wire::tls::{ClientTls, PinnedCertificates};
    ///
    /// // tlsOptions: { ca }, where `ca` is the service's own certificate
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

    /// Returns a configuration that trusts the [`Authorities`] in a PEM file, as
    /// [`trusting`](Self::trusting).
    ///
    /// # Errors
    /// The errors of [`Authorities::from_pem_file`].
    pub fn from_ca_file(path: impl AsRef<Path>) -> Result<Self, TlsError> {
        Authorities::from_pem_file(path).map(Self::trusting)
    }

    /// Sets the certificate that is shown to services that request one.
    #[must_use]
    pub fn identity(mut self, identity: Identity) -> Self {
        self.shown = Some(Arc::new(Shown::new(Arc::clone(&self.config), identity)));
        self
    }

    /// Sets the name that the service's certificate has to be valid for: a DNS name or an IP
    /// address. Default: the host of the connection. Set it if the two differ, behind a tunnel for
    /// example. Returns the configuration with this name.
    ///
    /// # Errors
    /// [`TlsError::ServerName`].
    pub fn server_name(mut self, name: &str) -> Result<Self, TlsError> {
        self.server_name = Some(server_name(name)?);
        Ok(self)
    }

    /// Returns the configuration with the expected name set: the name set before, or otherwise the
    /// host in `address` (`"localhost:8888"`, `"[::1]:8888"`).
    ///
    /// # Errors
    /// [`TlsError::ServerName`].
    pub(crate) fn for_address(self, address: &str) -> Result<Self, TlsError> {
        match self.server_name {
            Some(_) => Ok(self),
            None => self.server_name(host(address)),
        }
    }

    /// Performs the handshake on an open connection. Returns the encrypted connection.
    ///
    /// `host` is the name that the certificate has to be valid for, unless [another name was
    /// set](Self::server_name).
    ///
    /// In TLS 1.3, a service that requests a certificate verifies it after the caller's part of the
    /// handshake. This method waits for what the service then sends, for at most half a second.
    /// Services of Node close the connection some time after the handshake if no authority vouches
    /// for the certificate: their refusal may come only after this method has returned.
    ///
    /// # Errors
    /// [`HandshakeError`] in an [`io::Error`]: the service is not the expected one, refuses the
    /// client, or does not speak TLS.
    pub async fn connect<IO>(&self, host: &str, link: IO) -> io::Result<TlsStream<IO>>
    where
        IO: AsyncRead + AsyncWrite + Unpin,
    {
        self.connect_by(None, host, link).await
    }

    /// Connects as [`connect`](Self::connect) does, for a caller that has to be done by `deadline`:
    /// the wait for a verdict takes at most half of the time left until then. Returns the encrypted
    /// connection.
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

/// Returns the host of `host:port`, without the brackets of an IPv6 address.
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
