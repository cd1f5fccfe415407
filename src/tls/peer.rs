//! The certificates of the peer.

use std::sync::Arc;

use tokio_rustls::rustls::{CommonState, pki_types::CertificateDer};

/// The certificates that a caller has shown and that were verified: an extension of each of the
/// caller's requests.
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
    /// Returns the certificates that the peer has shown in the handshake, or `None` if it has shown
    /// none.
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

    /// Returns the caller's own certificate and those that lead to an authority, in DER, in this
    /// order.
    #[must_use]
    pub fn chain(&self) -> &[CertificateDer<'static>] {
        &self.0
    }
}
