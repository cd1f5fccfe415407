//! One host of a client.

use std::sync::Arc;

/// How to connect to a host, and what errors call it.
#[derive(Debug, Clone)]
pub(super) struct Host<C> {
    pub(super) connect: C,
    /// Its address, or the path of its socket. `None` if only the connector knows where it leads.
    pub(super) address: Option<Arc<str>>,
}

impl<C> Host<C> {
    pub(super) const fn named(address: Arc<str>, connect: C) -> Self {
        Self {
            connect,
            address: Some(address),
        }
    }

    pub(super) const fn unnamed(connect: C) -> Self {
        Self { connect, address: None }
    }
}
