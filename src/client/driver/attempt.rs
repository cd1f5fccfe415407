//! One attempt to connect. A connector is foreign code: if it panics, the attempt has failed.

use std::{
    future::Future,
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use crate::connection::{Caught, caught};

/// The future of a connector, until it completes or panics.
pub(in crate::client) struct Attempt<F>(Option<Pin<Box<F>>>);

impl<F: Future<Output = io::Result<IO>>, IO> Attempt<F> {
    /// Calls the connector. Returns the attempt.
    ///
    /// # Errors
    /// The connector panicked.
    pub(in crate::client) fn begin(connect: impl FnOnce() -> F) -> io::Result<Self> {
        let connecting = caught(CONNECTOR, connect).map_err(panicked)?;
        Ok(Self(Some(Box::pin(connecting))))
    }
}

impl<F: Future<Output = io::Result<IO>>, IO> Future for Attempt<F> {
    type Output = io::Result<IO>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(connecting) = &mut self.0 else {
            return Poll::Pending;
        };
        let connected = match caught(CONNECTOR, || connecting.as_mut().poll(cx)) {
            Ok(polled) => ready!(polled),
            Err(panic) => Err(panicked(panic)),
        };
        self.discard();
        Poll::Ready(connected)
    }
}

impl<F> Attempt<F> {
    fn discard(&mut self) {
        let connecting = self.0.take();
        if let Err(panic) = caught(CONNECTOR, || drop(connecting)) {
            tracing::error!(error = &panic as &dyn std::error::Error, "a connector was dropped");
        }
    }
}

impl<F> Drop for Attempt<F> {
    fn drop(&mut self) {
        self.discard();
    }
}

const CONNECTOR: &str = "the connector";

fn panicked(panic: Caught) -> io::Error {
    io::Error::other(panic)
}
