//! One host of a client.

use std::sync::Arc;

/// How to connect to a host, and the name of the host in errors.
#[derive(Debug, Clone)]
pub(in crate::client) struct Host<C> {
    pub(in crate::client) connect: C,
    /// The host's address, or the path of its socket. `None` if only the connector has the
    /// destination.
    pub(in crate::client) address: Option<Arc<str>>,
}

impl<C> Host<C> {
    pub(in crate::client) const fn named(address: Arc<str>, connect: C) -> Self {
        Self {
            connect,
            address: Some(address),
        }
    }

    pub(in crate::client) const fn unnamed(connect: C) -> Self {
        Self { connect, address: None }
    }
}
