//! The certificate that a caller shows, and the configuration that shows it.

use std::sync::{Arc, Mutex, PoisonError};

use tokio_rustls::rustls::{
    ClientConfig,
    sign::{CertifiedKey, SingleCertAndKey},
};

use super::{Identity, verdict::Noting};

/// A configuration that is created anew each time the identity is renewed. rustls resumes a session
/// only with the resolver with which it began, so a session from before a renewal is not resumed.
#[derive(Debug)]
pub(super) struct Shown {
    identity: Identity,
    base: Arc<ClientConfig>,
    made: Mutex<(Arc<CertifiedKey>, Arc<ClientConfig>)>,
}

impl Shown {
    pub(super) fn new(base: Arc<ClientConfig>, identity: Identity) -> Self {
        let current = identity.current();
        let config = showing(&base, &current);
        Self {
            identity,
            base,
            made: Mutex::new((current, config)),
        }
    }

    /// Returns the configuration that shows the current certificate.
    pub(super) fn config(&self) -> Arc<ClientConfig> {
        let current = self.identity.current();
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if !Arc::ptr_eq(&made.0, &current) {
            let config = showing(&self.base, &current);
            *made = (current, config);
        }
        Arc::clone(&made.1)
    }
}

fn showing(base: &ClientConfig, certificate: &Arc<CertifiedKey>) -> Arc<ClientConfig> {
    let mut config = base.clone();
    let shown = SingleCertAndKey::from(Arc::clone(certificate));
    config.client_auth_cert_resolver = Arc::new(Noting(Arc::new(shown)));
    Arc::new(config)
}
