//! Accepts connections until the service is stopped, then waits for the calls in flight.
//!
//! `connection_task` handles an accepted connection.

use std::{
    fmt,
    future::{Future, pending},
    io,
    panic::AssertUnwindSafe,
    pin::Pin,
    sync::Arc,
    time::Duration,
};

use futures_util::FutureExt;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    task::{JoinError, JoinSet},
    time::sleep,
};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, error, warn};

use crate::{
    connection::TransportConfig,
    server::{
        Limits, Routes, ShutdownOutcome,
        exchange::budget::unless_it_waits,
        handler::panics,
        limits::{Admission, ConnectionLimiter, LimitExceeded, Limiter, reject},
        listen::{
            Incoming, Listener,
            back_off::{BackOff, concerns_one_connection},
            incoming::Opening,
        },
        serve::connection_task::ConnectionTask,
        session::{ServiceStop, span::connection_span},
    },
};

/// Maximum number of connections that are accepted after the signal to stop: as many as a system
/// usually queues.
const MAX_QUEUED: usize = 4096;

/// Accepts connections and owns their tasks.
pub(in crate::server) struct AcceptLoop {
    routes: Arc<Routes>,
    transport: TransportConfig,
    /// `None` without limits.
    limiter: Option<Arc<Limiter>>,
    stop: Arc<ServiceStop>,
    sessions: JoinSet<()>,
}

impl AcceptLoop {
    pub(in crate::server) fn new(
        routes: Arc<Routes>,
        transport: TransportConfig,
        limits: Limits,
        drain_timeout: Duration,
    ) -> Self {
        Self {
            routes,
            transport,
            limiter: Limiter::new(limits),
            stop: Arc::new(ServiceStop {
                token: CancellationToken::new(),
                drain_timeout,
            }),
            sessions: JoinSet::new(),
        }
    }

    /// Accepts until `signal` completes, then drains. Returns how the shutdown ended.
    pub(in crate::server) async fn run<L: Listener>(
        mut self,
        listener: L,
        signal: impl Future<Output = ()>,
        forced: Forced,
    ) -> ShutdownOutcome {
        self.receive_until(listener, signal).await;
        self.stop.token.cancel();
        drain(self.sessions, self.stop.drain_timeout, forced).await
    }

    async fn receive_until<L: Listener>(&mut self, mut listener: L, signal: impl Future<Output = ()>) {
        let mut signal = std::pin::pin!(signal);
        let mut back_off = BackOff::default();
        loop {
            tokio::select! {
                accepted = next(&mut listener, &mut back_off) => self.receive(accepted),
                Some(ended) = self.sessions.join_next() => look_after(ended),
                () = &mut signal => break,
            }
        }
        self.receive_queued(listener).await;
    }

    /// Accepts the connections that the system has accepted already, because their callers may have
    /// sent something. Then closes the listener.
    async fn receive_queued<L: Listener>(&mut self, mut listener: L) {
        for _ in 0..MAX_QUEUED {
            match unless_it_waits(accept(&mut listener)).await {
                Some(Ok(Ok(accepted))) => self.receive(accepted),
                Some(Ok(Err(error))) if concerns_one_connection(&error) => {}
                _ => return,
            }
        }
    }

    fn receive<IO: AsyncRead + AsyncWrite + Unpin + Send + 'static>(&mut self, accepted: Incoming<IO>) {
        let peer = accepted.peer().filter(|_| !accepted.learns_peer());
        let admission = self.limiter.as_ref().map(|limiter| limiter.admit(peer));
        match admission.transpose() {
            Ok(admission) => self.attend(accepted, admission),
            Err(exceeded) => self.reject(accepted, exceeded),
        }
    }

    fn attend<IO: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
        &mut self,
        accepted: Incoming<IO>,
        admission: Option<Admission>,
    ) {
        let (peer, learns_peer) = (accepted.peer(), accepted.learns_peer());
        // A peer that the handshake finds out is added to the span after the handshake.
        let span = connection_span(peer.filter(|_| !learns_peer));
        let connection_limiter = |limiter| ConnectionLimiter::new(Arc::clone(limiter), admission);
        let connection_task = ConnectionTask {
            routes: Arc::clone(&self.routes),
            transport: self.transport.clone(),
            peer,
            learns_peer,
            stop: Arc::clone(&self.stop),
            connection_limiter: self.limiter.as_ref().map(connection_limiter),
        };
        match accepted.into_opening() {
            Opening::Open(io, extensions) => {
                let served = span.in_scope(|| connection_task.serve(io, extensions));
                self.sessions.spawn(served.instrument(span));
            }
            Opening::After(handshake) => {
                self.sessions.spawn(connection_task.open(handshake).instrument(span));
            }
        }
    }

    fn reject<IO: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
        &mut self,
        accepted: Incoming<IO>,
        exceeded: LimitExceeded,
    ) {
        let Some(limiter) = &self.limiter else { return };
        let peer = accepted.peer();
        limiter.events.connection_refused(exceeded, peer);
        if let Some(place) = limiter.try_acquire_rejection() {
            let (connection, shutdown) = (self.transport.clone(), self.stop.token.clone());
            let told = async move {
                let told = reject(accepted, &connection, exceeded);
                // A service that stops does not wait for it.
                shutdown.run_until_cancelled(told).await;
                drop(place);
            };
            self.sessions.spawn(told.instrument(connection_span(peer)));
        }
    }
}

/// Returns the next connection, after any number of errors. The future can be dropped and the
/// function called again.
async fn next<L: Listener>(listener: &mut L, back_off: &mut BackOff) -> Incoming<L::Io> {
    loop {
        back_off.over().await;
        match accept(listener).await {
            Ok(Ok(accepted)) => return accepted,
            Ok(Err(error)) => back_off.refused(&error),
            Err(panic) => back_off.panicked(&panics::message(panic)),
        }
    }
}

/// Accepts one connection. Returns it, an error, or a panic of the listener.
async fn accept<L: Listener>(listener: &mut L) -> Result<io::Result<Incoming<L::Io>>, panics::Payload> {
    // Called inside the block, because a listener's `accept` may be a function that panics before
    // it returns a future.
    AssertUnwindSafe(async { listener.accept().await }).catch_unwind().await
}

fn look_after(ended: Result<(), JoinError>) {
    if let Err(panic) = ended {
        error!(%panic, "a connection's task panicked: in the listener's own type of connection, or by a bug in nest-wire");
    }
}

async fn drain(mut sessions: JoinSet<()>, patience: Duration, forced: Forced) -> ShutdownOutcome {
    let all = async {
        while let Some(ended) = sessions.join_next().await {
            look_after(ended);
        }
    };
    let why = tokio::select! {
        biased;
        () = all => return ShutdownOutcome::Drained,
        () = forced.wait() => "cutting off what has not finished: there is no more time",
        () = sleep(patience) => "cutting off what has not finished in time",
    };
    let connections = sessions.len();
    warn!(connections, "{why}");
    ShutdownOutcome::Cut { connections }
}

/// A future that completes when a shutdown must end at once, if there is one.
pub(in crate::server) struct Forced(pub(in crate::server) Option<Pin<Box<dyn Future<Output = ()> + Send>>>);

impl Forced {
    async fn wait(self) {
        match self.0 {
            Some(signal) => signal.await,
            None => pending().await,
        }
    }
}

impl fmt::Debug for Forced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Some(..)" } else { "None" })
    }
}
