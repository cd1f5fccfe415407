//! One attempt to connect, or to find out where to. Connectors and resolvers are foreign code: if
//! it panics, the attempt has failed.

use std::{
    future::Future,
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use crate::connection::{Caught, caught};

/// The future of a connector or a resolver, until it completes or panics.
pub(in crate::client) struct Attempt<F> {
    /// Names the foreign code in errors.
    what: &'static str,
    future: Option<Pin<Box<F>>>,
}

impl<F: Future<Output = io::Result<IO>>, IO> Attempt<F> {
    /// Calls the connector or the resolver, which `what` names in errors. Returns the attempt.
    ///
    /// # Errors
    /// The foreign code panicked.
    pub(in crate::client) fn begin(what: &'static str, start: impl FnOnce() -> F) -> io::Result<Self> {
        let future = caught(what, start).map_err(panicked)?;
        Ok(Self {
            what,
            future: Some(Box::pin(future)),
        })
    }
}

impl<F: Future<Output = io::Result<IO>>, IO> Future for Attempt<F> {
    type Output = io::Result<IO>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let what = self.what;
        let Some(future) = &mut self.future else {
            return Poll::Pending;
        };
        let outcome = match caught(what, || future.as_mut().poll(cx)) {
            Ok(polled) => ready!(polled),
            Err(panic) => Err(panicked(panic)),
        };
        self.discard();
        Poll::Ready(outcome)
    }
}

impl<F> Attempt<F> {
    fn discard(&mut self) {
        let future = self.future.take();
        if let Err(panic) = caught(self.what, || drop(future)) {
            tracing::error!(error = &panic as &dyn std::error::Error, "a connector was dropped");
        }
    }
}

impl<F> Drop for Attempt<F> {
    fn drop(&mut self) {
        self.discard();
    }
}

fn panicked(panic: Caught) -> io::Error {
    io::Error::other(panic)
}
