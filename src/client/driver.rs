//! The one task that owns a client's connections, one after the other.

use std::{future::Future, io, sync::Arc, time::Duration};

use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::mpsc,
    time::timeout,
};
use tracing::{Instrument, debug_span};

use super::{CallError, Config, Disconnected, command::Command, link::Link, pending::Pending};
use crate::connection::Connection;

/// Connects when there is something to send, and again after each loss, until the last handle is gone.
pub(super) async fn drive<C, F, IO>(connect: C, config: Config, mut commands: mpsc::Receiver<Command>, pending: Pending)
where
    C: Fn() -> F,
    F: Future<Output = io::Result<IO>>,
    IO: AsyncRead + AsyncWrite + Unpin,
{
    let _failing = FailsWhenStopped(&pending);
    while let Some(command) = commands.recv().await {
        if command.is_abandoned() {
            continue;
        }
        match in_time(connect(), config.connect_timeout).await {
            Ok(io) => {
                tracing::debug!("connected");
                let connection = Connection::new(io, &config.connection);
                Link::new(connection, config.compat, &mut commands, &pending)
                    .run(command)
                    .instrument(debug_span!("connection"))
                    .await;
            }
            Err(error) => {
                let error = CallError::Connect(Arc::new(error));
                command.fail(error.clone());
                // These have waited for the same connection.
                while let Ok(command) = commands.try_recv() {
                    command.fail(error.clone());
                }
            }
        }
    }
}

/// Tells the calls on the link when the task is dropped, with its runtime: they may wait on another one. It goes before
/// the receiver of the commands, whose end is what makes the next caller start a new task.
struct FailsWhenStopped<'a>(&'a Pending);

impl Drop for FailsWhenStopped<'_> {
    fn drop(&mut self) {
        self.0.fail_all(&CallError::ConnectionClosed(Disconnected::Stopped));
    }
}

async fn in_time<IO>(connecting: impl Future<Output = io::Result<IO>>, limit: Duration) -> io::Result<IO> {
    timeout(limit, connecting).await.unwrap_or_else(|_| {
        Err(io::Error::new(
            io::ErrorKind::TimedOut,
            format!("no connection within {limit:?}"),
        ))
    })
}
