//! The authorities that a peer's certificate may come from.

use std::{path::Path, sync::Arc};

use tokio_rustls::rustls::{
    RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};

use super::{
    TlsError,
    identity::{chain, in_file},
};

const AUTHORITIES: &str = "the certificates of authorities";

/// The authorities that are trusted to sign certificates: Nest's `tlsOptions.ca`. At least one.
#[derive(Debug, Clone)]
pub struct Authorities(Arc<RootCertStore>);

impl Authorities {
    /// Returns the authorities with certificates in a PEM file.
    ///
    /// # Errors
    /// [`TlsError::File`] and [`TlsError::Certificate`].
    pub fn from_pem_file(path: impl AsRef<Path>) -> Result<Self, TlsError> {
        let path = path.as_ref();
        let certificates = CertificateDer::pem_file_iter(path)
            .and_then(chain)
            .map_err(in_file(AUTHORITIES, path))?;
        Self::new(certificates)
    }

    /// Returns the authorities with certificates in a PEM text, as
    /// [`from_pem_file`](Self::from_pem_file).
    ///
    /// # Errors
    /// [`TlsError::Pem`] and [`TlsError::Certificate`].
    pub fn from_pem(certificates: impl AsRef<[u8]>) -> Result<Self, TlsError> {
        let certificates =
            chain(CertificateDer::pem_slice_iter(certificates.as_ref())).map_err(|source| TlsError::Pem {
                wanted: AUTHORITIES,
                source,
            })?;
        Self::new(certificates)
    }

    /// Returns the authorities that the operating system trusts. Errors while reading them are
    /// logged, and certificates that cannot be parsed are skipped.
    ///
    /// # Errors
    /// [`TlsError::NoNativeRoots`].
    #[cfg(feature = "tls-native-roots")]
    pub fn native() -> Result<Self, TlsError> {
        let loaded = rustls_native_certs::load_native_certs();
        for error in loaded.errors {
            tracing::warn!(%error, "cannot read some of the system's authorities");
        }
        let mut store = RootCertStore::empty();
        let (usable, _) = store.add_parsable_certificates(loaded.certs);
        match usable {
            0 => Err(TlsError::NoNativeRoots),
            _ => Ok(Self(Arc::new(store))),
        }
    }

    /// Returns the authorities that Mozilla trusts, as of the build of this program.
    #[cfg(feature = "tls-webpki-roots")]
    #[must_use]
    pub fn webpki() -> Self {
        Self(Arc::new(webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect()))
    }

    fn new(certificates: Vec<CertificateDer<'static>>) -> Result<Self, TlsError> {
        let mut store = RootCertStore::empty();
        for certificate in certificates {
            store.add(certificate).map_err(TlsError::Certificate)?;
        }
        Ok(Self(Arc::new(store)))
    }

    pub(super) fn into_store(self) -> Arc<RootCertStore> {
        self.0
    }
}
