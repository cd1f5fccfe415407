//! Stops the time of a test's runtime: timeouts in this process end when the test says so, however
//! slow the machine and the Node process are.

use std::{sync::mpsc, time::Duration};

use compat_tests::PATIENCE;

/// Keeps the time from advancing. tokio advances a paused clock when there is nothing else to do,
/// which happens each time that the test awaits Node. It does not do so while a blocking task runs.
#[derive(Debug)]
pub(crate) struct StoppedTime {
    _blocks: mpsc::Sender<()>,
}

impl StoppedTime {
    /// Stops the time of this runtime, which has one thread. After [`PATIENCE`] the time advances
    /// in leaps, so that a test fails if it waits for something that does not happen.
    pub(crate) fn start() -> Self {
        let (blocks, blocked) = mpsc::channel();
        tokio::task::spawn_blocking(move || blocked.recv_timeout(PATIENCE));
        tokio::time::pause();
        Self { _blocks: blocks }
    }

    /// Lets this time elapse.
    pub(crate) async fn advance(&self, time: Duration) {
        tokio::time::advance(time).await;
    }
}
