//! What can be wrong with certificates, keys and names before anybody connects, and with a
//! handshake.

use std::{io, path::PathBuf};

use tokio_rustls::rustls::{
    self,
    pki_types::{InvalidDnsNameError, pem},
};

use super::refusal::explained;

/// Why TLS cannot be set up. To blame is always who set it up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A PEM file cannot be read, or holds nothing of what is looked for.
    #[error("cannot read {wanted} from {path}", path = path.display())]
    File {
        /// What is looked for in it.
        wanted: &'static str,
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: pem::Error,
    },
    /// A PEM text in memory holds nothing of what is looked for.
    #[error("cannot read {wanted}")]
    Pem {
        /// What is looked for in it.
        wanted: &'static str,
        /// What is wrong.
        source: pem::Error,
    },
    /// The system's authorities cannot be found.
    #[error("the operating system names no authorities")]
    NoNativeRoots,
    /// A certificate is malformed, or the key is not the one it was made for.
    #[error("the certificate cannot be used")]
    Certificate(#[source] rustls::Error),
    /// What should be the name or the address of a service is neither.
    #[error("{name:?} is no name that a certificate could be for")]
    ServerName {
        /// What was given.
        name: String,
        /// What is wrong with it.
        source: InvalidDnsNameError,
    },
}

/// Why a handshake failed: the cause of the [`io::Error`] that connecting ends with.
#[derive(Debug, thiserror::Error)]
#[error("the TLS handshake with {name} failed")]
pub struct HandshakeError {
    /// The name that the service's certificate should be for.
    name: String,
    #[source]
    source: io::Error,
    rustls: Option<rustls::Error>,
}

impl HandshakeError {
    pub(super) fn new(name: String, source: io::Error) -> Self {
        let rustls = source.get_ref().and_then(|error| error.downcast_ref()).cloned();
        let source = explained(source, &name);
        Self { name, source, rustls }
    }

    /// Returns what rustls says, if the cause is not the connection. The
    /// [source](std::error::Error::source) of this error says the same in words, with what to do
    /// about it.
    #[must_use]
    pub const fn rustls(&self) -> Option<&rustls::Error> {
        self.rustls.as_ref()
    }
}
