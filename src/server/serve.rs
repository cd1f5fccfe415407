//! From a listener and a router to a running service.

use std::{
    fmt,
    future::{Future, IntoFuture, Pending, pending},
    pin::Pin,
    sync::Arc,
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite},
    task::{JoinError, JoinSet, yield_now},
    time::sleep,
};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, error, warn};

use super::{
    Accept, Accepted, Limits, Router, Routes,
    accept::Opening,
    attendance::Attendance,
    back_off::BackOff,
    limits::{Admission, Ledger, Refusal, Warden, turn_away},
    watch::connection_span,
};
use crate::connection::Config;

/// Serves `router` on `listener`: TCP, Unix sockets, TLS, whatever implements [`Accept`]. Await what this returns;
/// without [`with_graceful_shutdown`](Serve::with_graceful_shutdown) it never ends.
///
/// ```no_run
/// use nest_wire::server::{Listener, Router, serve};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> std::io::Result<()> {
/// let listener = Listener::bind("localhost:8888").await?;
/// let router = Router::new().message("ping", async || "pong");
/// serve(listener, router)
///     .with_graceful_shutdown(async { tokio::signal::ctrl_c().await.expect("a signal handler") })
///     .await;
/// # Ok(()) }
/// ```
pub fn serve<L: Accept>(listener: L, router: Router) -> Serve<L, Pending<()>> {
    Serve {
        listener,
        routes: router.into_routes(),
        config: Config::default(),
        limits: Limits::default(),
        drain_timeout: DRAIN_TIMEOUT,
        signal: pending(),
        forced: Forced(None),
    }
}

const DRAIN_TIMEOUT: Duration = Duration::from_secs(30);

/// A service that runs once it is awaited.
#[derive(Debug)]
#[must_use = "a service runs only while it is awaited"]
pub struct Serve<L, F> {
    listener: L,
    routes: Arc<Routes>,
    config: Config,
    limits: Limits,
    drain_timeout: Duration,
    signal: F,
    forced: Forced,
}

/// How a service came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// All that was in flight has been answered.
    Drained,
    /// Something took longer than [`Serve::drain_timeout`], or than [`Serve::with_forced_shutdown`] let it: so many
    /// connections were cut.
    Cut {
        /// How many connections there were at that time.
        connections: usize,
    },
}

impl<L, F> Serve<L, F> {
    /// Stops accepting when `signal` completes, lets what is in flight finish, closes, and ends.
    ///
    /// What has arrived by then counts as in flight, whether it has been read or not; what comes later is not looked at.
    pub fn with_graceful_shutdown<G>(self, signal: G) -> Serve<L, G>
    where
        G: Future<Output = ()> + Send + 'static,
    {
        Serve {
            listener: self.listener,
            routes: self.routes,
            config: self.config,
            limits: self.limits,
            drain_timeout: self.drain_timeout,
            signal,
            forced: self.forced,
        }
    }

    /// Cuts a graceful shutdown short when `signal` completes: for whoever presses Ctrl-C a second time.
    ///
    /// `signal` is looked at only once the shutdown has begun, so `tokio::signal::ctrl_c()` waits for the second one.
    ///
    /// ```no_run
    /// use nest_wire::server::{Ending, Listener, Router, serve};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> std::io::Result<()> {
    /// async fn interrupted() {
    ///     tokio::signal::ctrl_c().await.expect("a signal handler");
    /// }
    ///
    /// let ending = serve(Listener::bind("localhost:8888").await?, Router::new())
    ///     .with_graceful_shutdown(interrupted())
    ///     .with_forced_shutdown(interrupted())
    ///     .await;
    /// if let Ending::Cut { connections } = ending {
    ///     eprintln!("{connections} connections were cut");
    /// }
    /// # Ok(()) }
    /// ```
    pub fn with_forced_shutdown(mut self, signal: impl Future<Output = ()> + Send + 'static) -> Self {
        self.forced = Forced(Some(Box::pin(signal)));
        self
    }

    /// Sets how much the service takes on. Default: no limits, as Nest.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Sets the limits of each connection, and its framing.
    pub fn config(mut self, config: Config) -> Self {
        self.config = config;
        self
    }

    /// How long a graceful shutdown waits for handlers, for streams, and for peers to take their answers, before it cuts
    /// them off. Raise it for handlers that take longer; lower it below the time that the service is given to end.
    /// Default: 30 seconds.
    pub const fn drain_timeout(mut self, timeout: Duration) -> Self {
        self.drain_timeout = timeout;
        self
    }
}

impl<L: Accept, F: Future<Output = ()> + Send + 'static> IntoFuture for Serve<L, F> {
    type Output = Ending;
    type IntoFuture = Pin<Box<dyn Future<Output = Ending> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(run(self))
    }
}

/// What completes when there is no time left, if anything.
struct Forced(Option<Pin<Box<dyn Future<Output = ()> + Send>>>);

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

async fn run<L: Accept, F: Future<Output = ()>>(serve: Serve<L, F>) -> Ending {
    let mut service = Service {
        routes: serve.routes,
        config: serve.config,
        ledger: Ledger::new(serve.limits),
        shutdown: CancellationToken::new(),
        sessions: JoinSet::new(),
    };
    service.receive_until(serve.listener, serve.signal).await;
    // What has arrived is to be noticed before connections are told to take no more: that is when the runtime looks.
    yield_now().await;
    service.shutdown.cancel();
    drain(service.sessions, serve.drain_timeout, serve.forced).await
}

struct Service {
    routes: Arc<Routes>,
    config: Config,
    /// `None` without limits.
    ledger: Option<Arc<Ledger>>,
    shutdown: CancellationToken,
    sessions: JoinSet<()>,
}

impl Service {
    async fn receive_until<L: Accept>(&mut self, mut listener: L, signal: impl Future<Output = ()>) {
        let mut signal = std::pin::pin!(signal);
        let mut back_off = BackOff::default();
        loop {
            tokio::select! {
                accepted = next(&mut listener, &mut back_off) => self.receive(accepted),
                Some(ended) = self.sessions.join_next() => look_after(ended),
                () = &mut signal => return,
            }
        }
    }

    fn receive<IO: AsyncRead + AsyncWrite + Unpin + Send + 'static>(&mut self, accepted: Accepted<IO>) {
        let admission = self.ledger.as_ref().map(|ledger| ledger.admit(accepted.peer()));
        match admission.transpose() {
            Ok(admission) => self.attend(accepted, admission),
            Err(refusal) => self.turn_away(accepted, refusal),
        }
    }

    fn attend<IO: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
        &mut self,
        accepted: Accepted<IO>,
        admission: Option<Admission>,
    ) {
        let peer = accepted.peer();
        let span = connection_span(peer);
        let warden = |ledger| Warden::new(Arc::clone(ledger), admission);
        let attendance = Attendance {
            routes: Arc::clone(&self.routes),
            config: self.config.clone(),
            peer,
            shutdown: self.shutdown.clone(),
            warden: self.ledger.as_ref().map(warden),
        };
        match accepted.into_opening() {
            Opening::Open(io, extensions) => {
                let served = span.in_scope(|| attendance.serve(io, extensions));
                self.sessions.spawn(served.instrument(span));
            }
            Opening::After(handshake) => {
                self.sessions.spawn(attendance.open(handshake).instrument(span));
            }
        }
    }

    fn turn_away<IO: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
        &mut self,
        accepted: Accepted<IO>,
        refusal: Refusal,
    ) {
        let Some(ledger) = &self.ledger else { return };
        let peer = accepted.peer();
        ledger.notices.connection_refused(refusal, peer);
        if let Some(place) = ledger.place_to_turn_away() {
            let config = self.config.clone();
            let told = async move {
                turn_away(accepted, &config, refusal).await;
                drop(place);
            };
            self.sessions.spawn(told.instrument(connection_span(peer)));
        }
    }
}

/// Accepts, whatever else happens. Can be dropped and called anew.
async fn next<L: Accept>(listener: &mut L, back_off: &mut BackOff) -> Accepted<L::Io> {
    loop {
        back_off.over().await;
        match listener.accept().await {
            Ok(accepted) => return accepted,
            Err(error) => back_off.refused(&error),
        }
    }
}

fn look_after(ended: Result<(), JoinError>) {
    if let Err(panic) = ended {
        error!(%panic, "a connection's task failed: this is a bug in nest-wire");
    }
}

async fn drain(mut sessions: JoinSet<()>, patience: Duration, forced: Forced) -> Ending {
    let all = async {
        while let Some(ended) = sessions.join_next().await {
            look_after(ended);
        }
    };
    let why = tokio::select! {
        biased;
        () = all => return Ending::Drained,
        () = forced.wait() => "cutting off what has not finished: there is no more time",
        () = sleep(patience) => "cutting off what has not finished in time",
    };
    let connections = sessions.len();
    warn!(connections, "{why}");
    Ending::Cut { connections }
}
