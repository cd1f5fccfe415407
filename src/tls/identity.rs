//! The own certificate of a service or a client.

use std::{
    path::Path,
    sync::{Arc, PoisonError, RwLock},
};

use tokio_rustls::rustls::{
    self, CertificateError, InconsistentKeys,
    pki_types::{
        CertificateDer, PrivateKeyDer,
        pem::{self, PemObject},
    },
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};

use super::{TlsError, provider, x509::Fields};

const CHAIN: &str = "certificates";
const KEY: &str = "a private key";

/// A certificate with its chain to an authority and its private key: Nest's `tlsOptions.cert` and
/// `.key`.
///
/// Clones share one identity: [renewing](Self::renew) one clone renews all, including those in a
/// running service or client.
#[derive(Debug, Clone)]
pub struct Identity(Arc<RwLock<Arc<CertifiedKey>>>);

impl Identity {
    /// Reads a chain of certificates, the own certificate first, and its key (PKCS #8, PKCS #1 or
    /// SEC1) from PEM files. Returns the identity.
    ///
    /// # Errors
    /// [`TlsError::File`], and [`TlsError::Certificate`] if the key is for another certificate.
    pub fn from_pem_files(certificates: impl AsRef<Path>, key: impl AsRef<Path>) -> Result<Self, TlsError> {
        let (certificates, key) = (certificates.as_ref(), key.as_ref());
        let chain = CertificateDer::pem_file_iter(certificates)
            .and_then(chain)
            .map_err(in_file(CHAIN, certificates))?;
        let key = PrivateKeyDer::from_pem_file(key).map_err(in_file(KEY, key))?;
        Self::new(chain, key)
    }

    /// Reads the chain and the key from PEM texts, as [`from_pem_files`](Self::from_pem_files).
    /// Returns the identity.
    ///
    /// # Errors
    /// [`TlsError::Pem`], and [`TlsError::Certificate`] if the key is for another certificate.
    pub fn from_pem(certificates: impl AsRef<[u8]>, key: impl AsRef<[u8]>) -> Result<Self, TlsError> {
        let chain = chain(CertificateDer::pem_slice_iter(certificates.as_ref()))
            .map_err(|source| TlsError::Pem { wanted: CHAIN, source })?;
        let key =
            PrivateKeyDer::from_pem_slice(key.as_ref()).map_err(|source| TlsError::Pem { wanted: KEY, source })?;
        Self::new(chain, key)
    }

    fn new(chain: Vec<CertificateDer<'static>>, key: PrivateKeyDer<'static>) -> Result<Self, TlsError> {
        let key = provider()
            .key_provider
            .load_private_key(key)
            .map_err(TlsError::Certificate)?;
        let certified = CertifiedKey::new(chain, key);
        keys_match(&certified).map_err(TlsError::Certificate)?;
        Ok(Self(Arc::new(RwLock::new(Arc::new(certified)))))
    }

    /// Replaces the certificate and key with those of `newer`, in all clones. Services and clients
    /// with this identity show them in each handshake that begins from now on, without a restart.
    /// Open connections continue. Sessions from before are not resumed: their next handshake is a
    /// full one.
    ///
    /// Node needs `server.setSecureContext()` for this, which Nest does not expose. A peer that has
    /// pinned the certificate has to pin both certificates before the renewal.
    ///
    /// ```no_run
    /// use nest_wire::{server::{HostListener, Router, listen::TlsListener, serve}, tls::{Identity, ServerTls}};
    ///
    /// # async fn service() -> Result<(), Box<dyn std::error::Error>> {
    /// let identity = Identity::from_pem_files("cert.pem", "key.pem")?;
    /// let tls = ServerTls::new(identity.clone());
    /// let listener = TlsListener::new(HostListener::bind("localhost:8888").await?, tls);
    /// let service = serve(listener, Router::new().message("ping", async || "pong"));
    /// // Each time that the files have changed:
    /// identity.renew(&Identity::from_pem_files("cert.pem", "key.pem")?);
    /// # service.await;
    /// # Ok(()) }
    /// ```
    pub fn renew(&self, newer: &Self) {
        let newer = newer.current();
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = newer;
    }

    /// Returns the current certificate and key. The allocation is the same until the next renewal.
    pub(super) fn current(&self) -> Arc<CertifiedKey> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl ResolvesServerCert for Identity {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current())
    }
}

/// Verifies that the key belongs to the certificate. `CertifiedKey::keys_match` is not used because
/// it refuses certificates of X.509 version 1.
fn keys_match(certified: &CertifiedKey) -> Result<(), rustls::Error> {
    let fields = Fields::read(certified.end_entity_cert()?).ok_or(CertificateError::BadEncoding)?;
    match certified.key.public_key() {
        Some(key) if key != fields.public_key => Err(InconsistentKeys::KeyMismatch.into()),
        _ => Ok(()),
    }
}

/// Returns all certificates, at least one.
pub(super) fn chain(
    certificates: impl Iterator<Item = Result<CertificateDer<'static>, pem::Error>>,
) -> Result<Vec<CertificateDer<'static>>, pem::Error> {
    let chain: Vec<_> = certificates.collect::<Result<_, _>>()?;
    if chain.is_empty() {
        return Err(pem::Error::NoItemsFound);
    }
    Ok(chain)
}

pub(super) fn in_file(wanted: &'static str, path: &Path) -> impl FnOnce(pem::Error) -> TlsError {
    move |source| TlsError::File {
        wanted,
        path: path.to_owned(),
        source,
    }
}
