//! The driver: the task that owns one connection of the pool and opens another one when that is
//! lost.
//!
//! ```text
//!              something to send, or ReconnectMode::Always
//!   idle ──────────────────────────────────────────► connecting ──► linked ──► idle
//!    ▲                                               │  ▲                │
//!    └── no attempts left: waiting calls fail ────────┤  └─ the pause is over, or the connection was lost
//!                                                    └─► pausing         (ReconnectMode::Always)
//! ```
//!
//! In each state the driver accepts new calls and observes the deadline of closing: see
//! `RequestReceiver`.

pub(in crate::client) mod attempt;
pub(in crate::client) mod closing;
pub(in crate::client) mod connection;
pub(in crate::client) mod receiver;

use std::{
    future::{Future, pending},
    io,
    sync::Arc,
    time::Duration,
};

use futures_util::FutureExt;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::{Instant, sleep, timeout},
};
use tracing::{Instrument, debug_span};

use crate::{
    client::{
        CallError, ConnectError, ConnectionState, DisconnectReason, ReconnectMode,
        channel::StartDriver,
        config::Config,
        connect::{error::with_address, host::Host},
        driver::{attempt::Attempt, closing::close, connection::ActiveConnection, receiver::RequestReceiver},
        state::publisher::StateReporter,
    },
    connection::{Connection, ConnectionError},
    telemetry::{ConnectionMeter, Side, connect_failed, reconnected},
};

/// Returns the function that starts a driver for a channel, in a task of its own.
pub(super) fn starter<C, F, IO>(host: Host<C>, config: &Arc<Config>, reporter: &StateReporter) -> StartDriver
where
    C: Fn() -> F + Clone + Send + Sync + 'static,
    F: Future<Output = io::Result<IO>> + Send + 'static,
    IO: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (config, reporter) = (Arc::clone(config), reporter.clone());
    Box::new(move |channel| {
        let receiver = RequestReceiver::new(channel, config.drain_timeout);
        let driver = Driver::new(host.clone(), Arc::clone(&config), receiver, reporter.clone());
        tokio::spawn(driver.run());
    })
}

struct Driver<C> {
    host: Host<C>,
    config: Arc<Config>,
    receiver: RequestReceiver,
    reporter: StateReporter,
    /// Number of failures in a row: failed attempts, and connections that were lost too soon.
    failures: u32,
    /// True if there has been a connection before.
    has_been_linked: bool,
}

impl<C, F, IO> Driver<C>
where
    C: Fn() -> F,
    F: Future<Output = io::Result<IO>>,
    IO: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    fn new(host: Host<C>, config: Arc<Config>, receiver: RequestReceiver, reporter: StateReporter) -> Self {
        Self {
            host,
            config,
            receiver,
            reporter,
            failures: 0,
            has_been_linked: false,
        }
    }

    /// Connects when a connection is needed, and again after each loss, until the client is closed.
    async fn run(mut self) {
        let mut end = PublishOnDrop(self.reporter.clone(), Some(DisconnectReason::Stopped));
        while self.is_wanted().await {
            self.reporter.post(ConnectionState::Connecting);
            let connecting = in_time(&self.host.connect, self.config.connect_timeout);
            match self.receiver.attend(connecting, is_finished).await {
                Some(Ok(io)) => self.carry(io).await,
                Some(Err(error)) => self.failed(error),
                None => break,
            }
            self.pause().await;
        }
        // Only events, and calls that have waited too long for a connection, can be left.
        self.receiver.fail_waiting(&CallError::Closed);
        end.1 = Some(DisconnectReason::Closed);
    }

    /// Waits until a connection is needed or the client is closed. Returns true if a connection is
    /// needed.
    async fn is_wanted(&mut self) -> bool {
        let always = self.config.reconnect.when == ReconnectMode::Always;
        let wants = move |receiver: &RequestReceiver| receiver.wants_link() || always && !receiver.is_closing();
        self.receiver
            .attend(pending::<()>(), |receiver| wants(receiver) || is_finished(receiver))
            .await;
        !is_finished(&self.receiver)
    }

    /// Uses a connection until its end.
    async fn carry(&mut self, io: IO) {
        tracing::debug!("connected");
        self.reporter.post(ConnectionState::Connected);
        let since = Instant::now();
        if std::mem::replace(&mut self.has_been_linked, true) {
            reconnected();
        }
        let connection = Connection::new(io, &self.config.transport).metered(ConnectionMeter::opened(Side::Client));
        let link = ActiveConnection::new(connection, self.config.compat, &mut self.receiver, &self.reporter);
        let (reason, connection) = link
            .run()
            .instrument(debug_span!("connection", messaging.system = "nestjs"))
            .await;
        self.end(&reason, connection).await;
        self.reporter.post(ConnectionState::Disconnected(reason));
        let is_bad = self.config.reconnect.is_too_short(since.elapsed());
        self.failures = if is_bad { self.failures.saturating_add(1) } else { 0 };
    }

    /// Ends a connection so that the service receives what was sent to it, unless the service is
    /// gone already.
    async fn end(&mut self, reason: &DisconnectReason, connection: Connection<IO>) {
        match reason {
            // The drain timeout of the client covers this.
            DisconnectReason::Closed => {
                self.receiver
                    .attend(close(connection), RequestReceiver::is_overdue)
                    .await;
            }
            // The next connection does not wait for this.
            DisconnectReason::Stopping => {
                tokio::spawn(timeout(self.config.drain_timeout, close(connection)));
            }
            DisconnectReason::Failed(error) if is_alive_after(error) => {
                tokio::spawn(timeout(self.config.drain_timeout, close(connection)));
            }
            // The peer reads no more. Under TLS, this sends `close_notify`.
            DisconnectReason::ByPeer => {
                let _ = close(connection).now_or_never();
            }
            _ => {}
        }
    }

    fn failed(&mut self, error: io::Error) {
        let error = match &self.host.address {
            Some(address) => with_address(address, error),
            None => error,
        };
        let error = ConnectError::new(Arc::new(error));
        tracing::debug!(error = &error as &dyn std::error::Error, "cannot connect");
        connect_failed();
        self.failures = self.failures.saturating_add(1);
        self.reporter
            .post(ConnectionState::Disconnected(DisconnectReason::Unreachable(
                error.clone(),
            )));
        if self.config.reconnect.is_exhausted(self.failures) {
            self.receiver.fail_waiting(&CallError::Connect(error));
            if self.config.reconnect.when == ReconnectMode::OnDemand {
                self.failures = 0;
            }
        }
    }

    /// Waits for the back-off after a failure. Ends early if the client is closed, or if no call
    /// needs a connection any more and the client connects on demand.
    async fn pause(&mut self) {
        if self.failures == 0 {
            return;
        }
        let on_demand = self.config.reconnect.when == ReconnectMode::OnDemand;
        let needless = move |receiver: &RequestReceiver| on_demand && !receiver.wants_link();
        let pausing = sleep(self.config.reconnect.delay(self.failures));
        let is_enough = |receiver: &RequestReceiver| needless(receiver) || is_finished(receiver);
        if self.receiver.attend(pausing, is_enough).await.is_none() {
            self.failures = 0;
        }
    }
}

/// Returns true if the peer, which sent an invalid or incomplete packet, may still read what was
/// sent to it.
fn is_alive_after(error: &ConnectionError) -> bool {
    matches!(
        error,
        ConnectionError::Decode(_)
            | ConnectionError::CustomFraming { .. }
            | ConnectionError::Packet(_)
            | ConnectionError::IncompleteMessage(_)
    )
}

fn is_finished(receiver: &RequestReceiver) -> bool {
    receiver.is_drained() || receiver.is_overdue()
}

/// Publishes why the driver ended, even if the driver is dropped with its runtime.
struct PublishOnDrop(StateReporter, Option<DisconnectReason>);

impl Drop for PublishOnDrop {
    fn drop(&mut self) {
        if let Some(reason) = self.1.take() {
            self.0.post(ConnectionState::Disconnected(reason));
        }
    }
}

async fn in_time<F, IO>(connect: impl FnOnce() -> F, limit: Duration) -> io::Result<IO>
where
    F: Future<Output = io::Result<IO>>,
{
    timeout(limit, Attempt::begin("the connector", connect)?)
        .await
        .unwrap_or_else(|_| {
            Err(io::Error::new(
                io::ErrorKind::TimedOut,
                format!("no connection within {limit:?}"),
            ))
        })
}
