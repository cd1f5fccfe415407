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

/// Waits for the first signal. From the first poll on, none ends the process by itself.
pub(crate) async fn first() -> Signal {
    tokio::select! {
        result = signal::ctrl_c() => {
            result.expect("the system takes a handler for Ctrl-C");
            Signal::Interrupt
        }
        signal = others() => signal,
    }
}

#[cfg(unix)]
async fn others() -> Signal {
    use signal::unix::{SignalKind, signal};

    let handler = |kind| signal(kind).expect("the system takes a handler for a signal");
    let (mut hang_up, mut terminate) = (handler(SignalKind::hangup()), handler(SignalKind::terminate()));
    tokio::select! {
        _ = hang_up.recv() => Signal::HangUp,
        _ = terminate.recv() => Signal::Terminate,
    }
}

#[cfg(not(unix))]
async fn others() -> Signal {
    std::future::pending().await
}
