//! The service's side of TLS.

use std::{path::Path, sync::Arc};

use tokio_rustls::rustls::{
    ServerConfig,
    server::{WebPkiClientVerifier, danger::ClientCertVerifier},
};

use super::{Authorities, Identity, PinnedCertificates, TlsError, provider, sessions::Sessions};

/// The certificate of a service, and those that it requires of its callers: Nest's `tlsOptions` of
/// a microservice. TLS 1.2 and 1.3.
///
/// ```no_run
/// use nest_wire::tls::{Authorities, ServerTls};
///
/// // tlsOptions: { cert, key }
/// let tls = ServerTls::from_pem_files("cert.pem", "key.pem")?;
/// // tlsOptions: { cert, key, ca, requestCert: true }
/// let mutual = tls.require_client_certificates(Authorities::from_pem_file("callers-ca.pem")?);
/// # Ok::<(), nest_wire::tls::TlsError>(())
/// ```
#[derive(Debug, Clone)]
pub struct ServerTls {
    identity: Identity,
    callers: Arc<dyn ClientCertVerifier>,
}

impl ServerTls {
    /// Returns the configuration of a service with this certificate, for callers with and without
    /// one.
    #[must_use]
    pub fn new(identity: Identity) -> Self {
        Self {
            identity,
            callers: WebPkiClientVerifier::no_client_auth(),
        }
    }

    /// Returns the configuration with the [`Identity`] in these two files, as [`new`](Self::new).
    ///
    /// # Errors
    /// The errors of [`Identity::from_pem_files`].
    pub fn from_pem_files(certificates: impl AsRef<Path>, key: impl AsRef<Path>) -> Result<Self, TlsError> {
        Identity::from_pem_files(certificates, key).map(Self::new)
    }

    /// Requires mutual TLS: refuses callers without a certificate signed by one of these
    /// authorities. Handlers receive the certificate as
    /// [`PeerCertificates`](super::PeerCertificates).
    #[must_use]
    pub fn require_client_certificates(mut self, authorities: Authorities) -> Self {
        let verifier = WebPkiClientVerifier::builder_with_provider(authorities.into_store(), provider());
        self.callers = verifier.build().expect(ONE_AT_LEAST);
        self
    }

    /// Requires one of these certificates of each caller, and accepts no others.
    ///
    /// ```no_run
    /// use nest_wire::tls::{PinnedCertificates, ServerTls};
    ///
    /// // tlsOptions: { cert, key, ca, requestCert: true }, where `ca` is the callers' own certificates
    /// let tls = ServerTls::from_pem_files("cert.pem", "key.pem")?
    ///     .require_pinned_client_certificates(PinnedCertificates::from_pem_file("callers.pem")?);
    /// # Ok::<(), nest_wire::tls::TlsError>(())
    /// ```
    #[must_use]
    pub fn require_pinned_client_certificates(mut self, certificates: PinnedCertificates) -> Self {
        self.callers = certificates.verifier();
        self
    }

    /// Requests a certificate as [`require_client_certificates`](Self::require_client_certificates)
    /// does, but also accepts callers that show none.
    #[must_use]
    pub fn request_client_certificates(mut self, authorities: Authorities) -> Self {
        let verifier = WebPkiClientVerifier::builder_with_provider(authorities.into_store(), provider());
        self.callers = verifier.allow_unauthenticated().build().expect(ONE_AT_LEAST);
        self
    }
}

const ONE_AT_LEAST: &str = "there is one authority at least, and no revocation list that could be malformed";

impl From<ServerTls> for Arc<ServerConfig> {
    fn from(tls: ServerTls) -> Self {
        let sessions = Sessions::of(tls.identity.clone());
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .expect("ring knows the ciphers of TLS 1.2 and 1.3")
            .with_client_cert_verifier(tls.callers)
            .with_cert_resolver(Arc::new(tls.identity));
        config.session_storage = Arc::new(sessions);
        Self::new(config)
    }
}
