//! The errors of certificates, keys and names before a connection is made, and of handshakes.

use std::{io, path::PathBuf};

use tokio_rustls::rustls::{
    self,
    pki_types::{InvalidDnsNameError, pem},
};

use super::refusal::explained;

/// Why TLS cannot be set up. The cause is always in the set-up, not in a peer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A PEM file cannot be read, or does not contain the item to read.
    #[error("cannot read {wanted} from {path}", path = path.display())]
    File {
        /// The item to read from the file.
        wanted: &'static str,
        /// The file.
        path: PathBuf,
        /// The cause.
        source: pem::Error,
    },
    /// A PEM text in memory does not contain the item to read.
    #[error("cannot read {wanted}")]
    Pem {
        /// The item to read from the text.
        wanted: &'static str,
        /// The cause.
        source: pem::Error,
    },
    /// The authorities of the operating system cannot be found.
    #[error("the operating system names no authorities")]
    NoNativeRoots,
    /// A certificate is malformed, or the key does not belong to it.
    #[error("the certificate cannot be used")]
    Certificate(#[source] rustls::Error),
    /// The text is neither the name nor the address of a service.
    #[error("{name:?} is no name that a certificate could be for")]
    ServerName {
        /// The text.
        name: String,
        /// The cause.
        source: InvalidDnsNameError,
    },
}

/// Why a handshake failed: the cause of the [`io::Error`] that connecting returns.
#[derive(Debug, thiserror::Error)]
#[error("the TLS handshake with {name} failed")]
pub struct HandshakeError {
    /// The name that the service's certificate has to be valid for.
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

    /// Returns the error of rustls, unless the connection was the cause. The
    /// [source](std::error::Error::source) of this error explains the same in words, with a remedy.
    #[must_use]
    pub const fn rustls(&self) -> Option<&rustls::Error> {
        self.rustls.as_ref()
    }
}
