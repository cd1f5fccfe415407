//! A session as a future: first the connection, then the handlers that outlive it.

use std::{
    future::Future,
    io,
    net::SocketAddr,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use tokio::io::{AsyncRead, AsyncWrite};

use crate::{
    connection::ConnectionError,
    server::{
        Routes,
        exchange::call::drain_event_stream,
        handler::panics::{self, drop_contained},
        session::{InFlight, Session, pending_call::PendingCall},
    },
};

/// Serves a connection until it ends, and then lets the handlers that still run finish: their side
/// effects matter, although their replies are not sent.
///
/// The outcome is an error if the connection was cut. It is not an error if the peer closes, even
/// if the peer broke the framing before.
///
/// Written by hand: the compiler's futures hold their arguments twice, and there is one future for
/// each connection.
#[expect(
    clippy::large_enum_variant,
    reason = "a connection spends its life in the larger one"
)]
pub(in crate::server) enum Serving<IO> {
    Linked(Session<IO>),
    /// The connection and its streams are gone; the connection may have been cut.
    Finishing {
        calls: InFlight,
        ended: Option<Ended>,
    },
}

/// The end of a connection.
pub(in crate::server) struct Ended {
    pub(in crate::server) outcome: Result<(), ConnectionError>,
    pub(in crate::server) peer: Option<SocketAddr>,
    pub(in crate::server) routes: Arc<Routes>,
}

impl<IO: AsyncRead + AsyncWrite + Unpin> Future for Serving<IO> {
    type Output = Ended;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        if let Self::Linked(session) = this {
            // Reading and writing may run user code too. A panic in it ends the connection, but no
            // handler.
            let polled = catch_unwind(AssertUnwindSafe(|| session.poll(cx)));
            let ended = Some(Ended {
                outcome: ready!(polled.unwrap_or_else(|panic| Poll::Ready(Err(panicked(panic))))),
                peer: session.caller.peer,
                routes: Arc::clone(&session.routes),
            });
            let mut calls = std::mem::take(&mut session.in_flight);
            calls.end_streams();
            drop_contained(std::mem::replace(this, Self::Finishing { calls, ended }));
        }
        let Self::Finishing { calls, ended } = this else {
            return Poll::Pending;
        };
        while let Some(finished) = ready!(calls.poll_call(cx)) {
            if finished.id.is_some() {
                drop_contained(finished.reply);
                continue;
            }
            let origin = finished.origin.get();
            if let Some(rest) = drain_event_stream(finished.reply, finished.trace, origin) {
                calls.add_rest(PendingCall::event(rest, origin));
            }
        }
        Poll::Ready(ended.take().expect("a future is not polled after its end"))
    }
}

#[cold]
fn panicked(panic: panics::Payload) -> ConnectionError {
    let panic = panics::message(panic);
    tracing::error!(panic, "the connection's stream, or what serves it, panicked");
    io::Error::other(format!("it panicked: {panic}")).into()
}
