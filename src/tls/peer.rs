//! Who the other side is.

use std::sync::Arc;

use tokio_rustls::rustls::{CommonState, pki_types::CertificateDer};

/// The certificates that a caller has shown and that were found valid: an extension of each of its
/// requests.
///
/// ```
/// use nest_wire::{server::extract::Extension, tls::PeerCertificates};
///
/// async fn whoami(Extension(caller): Extension<PeerCertificates>) -> usize {
///     caller.own().len()
/// }
/// # nest_wire::server::Router::<()>::new().message("whoami", whoami);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerCertificates(Arc<[CertificateDer<'static>]>);

impl PeerCertificates {
    /// Returns what the other side of a handshake has shown; `None` if it has shown nothing.
    #[must_use]
    pub fn from_connection(connection: &CommonState) -> Option<Self> {
        let chain = connection.peer_certificates().filter(|chain| !chain.is_empty())?;
        Some(Self(chain.into()))
    }

    /// Returns the caller's own certificate, in DER. A crate such as `x509-parser` reads the names
    /// in it.
    #[must_use]
    pub fn own(&self) -> &CertificateDer<'static> {
        &self.0[0]
    }

    /// Returns its own and those that lead to an authority, in DER, in this order.
    #[must_use]
    pub fn chain(&self) -> &[CertificateDer<'static>] {
        &self.0
    }
}
