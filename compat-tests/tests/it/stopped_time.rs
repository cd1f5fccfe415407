//! The time of a test's runtime, stopped: timeouts in this process end when the test says so, however slow the machine
//! and the Node process beside it are.

use std::{sync::mpsc, time::Duration};

use compat_tests::PATIENCE;

/// Keeps the time from going on. tokio moves a paused clock on by itself when there is nothing else to do, which would
/// be each time that Node is awaited; it does not while a blocking task runs.
#[derive(Debug)]
pub(crate) struct StoppedTime {
    _blocks: mpsc::Sender<()>,
}

impl StoppedTime {
    /// Stops the time of this runtime, which has one thread. After [`PATIENCE`] it goes on in leaps, so that a test that
    /// waits for something that does not happen fails.
    pub(crate) fn start() -> Self {
        let (blocks, blocked) = mpsc::channel();
        tokio::task::spawn_blocking(move || blocked.recv_timeout(PATIENCE));
        tokio::time::pause();
        Self { _blocks: blocks }
    }

    /// Lets so much time pass.
    pub(crate) async fn advance(&self, time: Duration) {
        tokio::time::advance(time).await;
    }
}
