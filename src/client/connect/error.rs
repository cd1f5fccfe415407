//! Why an attempt to connect failed, and to which address.

use std::{error::Error, fmt, io, sync::Arc};

/// Why a client could not connect: the address, if the client was created with addresses, and the
/// cause as its [source](Error::source).
///
/// ```
/// use std::error::Error;
/// use nest_wire::client::{CallError, Client};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let error = Client::new("localhost:1").send::<u32>("sum", &[1, 2]).await.unwrap_err();
/// assert_eq!(error.to_string(), "cannot connect to localhost:1");
/// let CallError::Connect(error) = error else { unreachable!() };
/// assert_eq!(error.kind(), std::io::ErrorKind::ConnectionRefused);
/// assert!(error.source().is_some());
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct ConnectError(Arc<io::Error>);

impl ConnectError {
    pub(in crate::client) const fn new(error: Arc<io::Error>) -> Self {
        Self(error)
    }

    /// Returns the kind of the cause: `TimedOut`, for example, if the attempt took longer than
    /// [`ClientBuilder::connect_timeout`](crate::client::ClientBuilder::connect_timeout).
    #[must_use]
    pub fn kind(&self) -> io::ErrorKind {
        self.0.kind()
    }

    /// Returns the address as it was given to the client, or the path of a Unix socket. It is
    /// `None` for clients with a connector or a resolver of their own.
    #[must_use]
    pub fn address(&self) -> Option<&str> {
        self.addressed().map(|addressed| &*addressed.address)
    }

    fn addressed(&self) -> Option<&Addressed> {
        self.0.get_ref()?.downcast_ref()
    }
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.addressed() {
            Some(addressed) => addressed.fmt(f),
            None => f.write_str("cannot connect"),
        }
    }
}

impl Error for ConnectError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(match self.addressed() {
            Some(addressed) => &addressed.source,
            None => &*self.0,
        })
    }
}

/// Returns the error of an attempt to connect with the address added. The kind stays the same.
pub(in crate::client) fn with_address(address: &str, error: io::Error) -> io::Error {
    let address = address.into();
    io::Error::new(error.kind(), Addressed { address, source: error })
}

#[derive(Debug, thiserror::Error)]
#[error("cannot connect to {address}")]
struct Addressed {
    address: Box<str>,
    source: io::Error,
}
