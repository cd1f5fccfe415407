//! Sessions that callers may resume, until the certificate of the service is renewed.

use std::sync::{Arc, Mutex, PoisonError};

use tokio_rustls::rustls::{
    server::{ServerSessionMemoryCache, StoresServerSessions},
    sign::CertifiedKey,
};

use super::Identity;

/// Maximum number of sessions that are kept: the default of rustls.
const MAX_SESSIONS: usize = 256;

/// The sessions that began with the current certificate. A resumed session shows no certificate, so
/// a session from before a renewal would continue with the old one.
#[derive(Debug)]
pub(super) struct Sessions {
    identity: Identity,
    /// The certificate with which the sessions began, and the sessions.
    kept: Mutex<(Arc<CertifiedKey>, Arc<ServerSessionMemoryCache>)>,
}

impl Sessions {
    pub(super) fn of(identity: Identity) -> Self {
        let kept = (identity.current(), ServerSessionMemoryCache::new(MAX_SESSIONS));
        Self {
            identity,
            kept: Mutex::new(kept),
        }
    }

    /// Returns the sessions of the current certificate. A renewal discards those from before.
    fn current(&self) -> Arc<ServerSessionMemoryCache> {
        let certificate = self.identity.current();
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if !Arc::ptr_eq(&kept.0, &certificate) {
            *kept = (certificate, ServerSessionMemoryCache::new(MAX_SESSIONS));
        }
        Arc::clone(&kept.1)
    }
}

impl StoresServerSessions for Sessions {
    fn put(&self, key: Vec<u8>, value: Vec<u8>) -> bool {
        self.current().put(key, value)
    }

    fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.current().get(key)
    }

    fn take(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.current().take(key)
    }

    fn can_cache(&self) -> bool {
        true
    }
}
