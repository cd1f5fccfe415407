//! Plays a script to a session over a connection in memory, while time is paused.

use std::{
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::{FutureExt, future::poll_fn};
use nest_wire::{
    connection::{self, ConnectionError},
    server::{Limits, serve_connection},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex},
    task::yield_now,
    time::{sleep, timeout},
};

use super::handlers::{MAX_ANSWER, routes};
use crate::script::Step;

/// A session that is polled more often spins.
const MAX_POLLS: usize = 200_000;
/// A session has settled when it is not polled while its peer yields this number of times. A
/// spawned handler needs some of these.
const QUIET_YIELDS: usize = 8;
/// Longer than all timeouts and all handlers. A session that has not ended by then hangs.
const FOR_EVER: Duration = Duration::from_secs(3600);

/// The setup of a session.
pub(super) struct Setup {
    pub(super) connection: connection::TransportConfig,
    pub(super) limits: Limits,
    /// Time after which the service stops, if it does.
    pub(super) stops_after: Option<Duration>,
    /// Number of bytes that the connection holds in each direction.
    pub(super) capacity: usize,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            connection: connection::TransportConfig::default(),
            limits: Limits::default(),
            stops_after: None,
            capacity: 64 * 1024,
        }
    }
}

/// The result of a script.
pub(super) struct Played {
    /// The bytes that the service sent.
    pub(super) output: Vec<u8>,
}

/// Plays a script until both sides have closed.
///
/// # Panics
/// Panics if the session panics, spins, or does not end.
pub(super) fn play(script: &[Step], setup: &Setup) -> Played {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = builder.enable_time().start_paused(true).build().expect("a runtime");
    runtime.block_on(converse(script, setup))
}

async fn converse(script: &[Step], setup: &Setup) -> Played {
    let (peer, io) = duplex(setup.capacity);
    let mut session = serve_connection(io, routes())
        .transport(setup.connection.clone())
        .limits(setup.limits.clone());
    if let Some(stops_after) = setup.stops_after {
        session = session.with_graceful_shutdown(sleep(stops_after));
    }
    let polls = Arc::default();
    // The session has a task of its own. Otherwise a wake-up of the caller could hide a missing
    // wake-up of the session.
    let served = tokio::spawn(counted(session.into_future(), Arc::clone(&polls)));
    let mut caller = Caller {
        peer,
        output: Vec::new(),
        polls,
    };
    for step in script {
        caller.take(step).await;
    }
    if !script.contains(&Step::Close) {
        caller.wait(MAX_ANSWER * 2).await;
        caller.take(&Step::Close).await;
    }
    caller.wait(MAX_ANSWER).await;
    let rest = caller.peer.read_to_end(&mut caller.output);
    timeout(FOR_EVER, rest)
        .await
        .expect("the service closes")
        .expect("a clean end");
    // The error does not matter: a hostile caller may cause any.
    let ended = timeout(FOR_EVER, served).await.expect("the session ends");
    let _: Result<(), ConnectionError> = ended.expect("the session does not panic");
    Played { output: caller.output }
}

async fn counted<F: Future>(session: F, polls: Arc<AtomicUsize>) -> F::Output {
    let mut session = pin!(session);
    poll_fn(|cx| {
        let before = polls.fetch_add(1, Ordering::Relaxed);
        assert!(before < MAX_POLLS, "the session spins");
        session.as_mut().poll(cx)
    })
    .await
}

struct Caller {
    peer: DuplexStream,
    output: Vec<u8>,
    /// Number of times that the session has been polled.
    polls: Arc<AtomicUsize>,
}

impl Caller {
    async fn take(&mut self, step: &Step) {
        match step {
            Step::Send(bytes) => {
                self.send(bytes).await;
                self.settle().await;
            }
            Step::Wait => self.wait(Duration::from_secs(1)).await,
            Step::Close => {
                let _ = self.peer.shutdown().await;
            }
        }
    }

    /// Sends bytes and reads what arrives meanwhile. The service may have closed.
    async fn send(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            match self.peer.write(bytes).now_or_never() {
                Some(Ok(count)) => bytes = &bytes[count..],
                Some(Err(_)) => return,
                None => self.wait(Duration::from_millis(1)).await,
            }
        }
    }

    /// Reads until the session can do no more without further bytes or time.
    async fn settle(&mut self) {
        let mut seen = self.polls.load(Ordering::Relaxed);
        let mut quiet = 0;
        while quiet < QUIET_YIELDS {
            let has_read = self.read();
            yield_now().await;
            let polls = self.polls.load(Ordering::Relaxed);
            quiet = if polls == seen && !has_read { quiet + 1 } else { 0 };
            seen = polls;
        }
    }

    /// Reads for this time.
    async fn wait(&mut self, time: Duration) {
        let mut elapsed = pin!(sleep(time));
        loop {
            tokio::select! {
                biased;
                read = self.peer.read_buf(&mut self.output) => {
                    // Once the service has closed, only wait.
                    if !matches!(read, Ok(1..)) {
                        return elapsed.await;
                    }
                }
                () = &mut elapsed => return,
            }
        }
    }

    /// Returns whether there was something to read.
    fn read(&mut self) -> bool {
        let read = self.peer.read_buf(&mut self.output).now_or_never();
        matches!(read, Some(Ok(1..)))
    }
}
