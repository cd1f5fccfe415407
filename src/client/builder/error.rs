//! Why a client cannot be made.

use crate::client::AddressError;
#[cfg(feature = "tls")]
use crate::tls::TlsError;

/// A client cannot be made. Nothing has been connected by then: a name that does not exist is found
/// when the client connects.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The list of addresses or connectors is empty.
    #[error("there is nothing to connect to")]
    NoHost,
    /// An address is malformed: it has no port, for example.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// The host of an address is no name that a certificate could be for.
    #[cfg(feature = "tls")]
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// TLS was asked for, and the target has no address: end its connector with
    /// [`ClientTls::connect`](crate::tls::ClientTls::connect).
    #[cfg(feature = "tls")]
    #[error("TLS needs an address, which the target does not have")]
    TlsWithoutAddress,
}
