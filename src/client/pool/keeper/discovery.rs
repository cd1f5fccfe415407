//! What a client asks for the addresses of its service, and how it connects to an address.

use std::{future::Future, io, net::SocketAddr, pin::Pin, time::Duration};

use tokio::time::timeout;

use crate::client::{driver::attempt::Attempt, pool::connection::Opener};

/// The addresses of a service, or why they are not known.
pub(in crate::client) type Answer = io::Result<Vec<SocketAddr>>;

pub(in crate::client) type Asking = Pin<Box<dyn Future<Output = Answer> + Send>>;

/// The resolver of a client, and how the client connects to an address that the resolver returns.
pub(in crate::client) struct Discovery {
    resolve: Box<dyn Fn() -> Asking + Send + Sync>,
    opener: Box<dyn Fn(SocketAddr) -> Opener + Send + Sync>,
}

impl Discovery {
    pub(in crate::client) fn new<R, F>(
        resolve: R,
        opener: impl Fn(SocketAddr) -> Opener + Send + Sync + 'static,
    ) -> Self
    where
        R: Fn() -> F + Send + Sync + 'static,
        F: Future<Output = Answer> + Send + 'static,
    {
        Self {
            resolve: Box::new(move || Box::pin(resolve())),
            opener: Box::new(opener),
        }
    }

    /// Asks the resolver, which is foreign code: if it panics or takes longer than `limit`, the
    /// answer is an error.
    pub(in crate::client) fn ask(&self, limit: Duration) -> Asking {
        let attempt = Attempt::begin("the resolver", || (self.resolve)());
        Box::pin(async move {
            timeout(limit, attempt?).await.unwrap_or_else(|_| {
                let message = format!("the resolver has not answered within {limit:?}");
                Err(io::Error::new(io::ErrorKind::TimedOut, message))
            })
        })
    }

    pub(in crate::client) fn opener(&self, address: SocketAddr) -> Opener {
        (self.opener)(address)
    }
}
