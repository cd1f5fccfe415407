//! The signals that end a command which has something to finish first.

use tokio::signal;

/// A signal that asks us to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signal {
    /// The terminal has gone.
    #[cfg_attr(not(unix), expect(dead_code, reason = "Windows has Ctrl-C only"))]
    HangUp,
    /// Ctrl-C.
    Interrupt,
    /// `kill`.
    #[cfg_attr(not(unix), expect(dead_code, reason = "Windows has Ctrl-C only"))]
    Terminate,
}

impl Signal {
    /// Its POSIX number.
    pub(crate) fn number(self) -> u8 {
        match self {
            Self::HangUp => 1,
            Self::Interrupt => 2,
            Self::Terminate => 15,
        }
    }
}

/// Returns a future of the first signal from now on: none ends the process by itself any more.
///
/// # Panics
/// If the system takes no handler, or outside a runtime.
#[cfg(unix)]
pub(crate) fn first() -> impl Future<Output = Signal> {
    use signal::unix::{SignalKind, signal};

    let handler = |kind| signal(kind).expect("the system takes a handler for a signal");
    let (mut hang_up, mut terminate) = (handler(SignalKind::hangup()), handler(SignalKind::terminate()));
    let mut interrupt = handler(SignalKind::interrupt());
    async move {
        tokio::select! {
            _ = hang_up.recv() => Signal::HangUp,
            _ = interrupt.recv() => Signal::Interrupt,
            _ = terminate.recv() => Signal::Terminate,
        }
    }
}

/// Returns a future of the first Ctrl-C.
#[cfg(not(unix))]
pub(crate) async fn first() -> Signal {
    signal::ctrl_c().await.expect("the system takes a handler for Ctrl-C");
    Signal::Interrupt
}
