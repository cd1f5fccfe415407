//! One host of a client.

use std::sync::Arc;

/// How to connect to a host, and what errors call it.
#[derive(Debug, Clone)]
pub(in crate::client) struct Host<C> {
    pub(in crate::client) connect: C,
    /// Its address, or the path of its socket. `None` if only the connector knows where it leads.
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
