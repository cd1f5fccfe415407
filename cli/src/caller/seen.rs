//! What has passed over a connection: the beginning, to explain a failure with, and all of it on
//! standard error with `--verbose`.

use std::{
    io::{self, Write},
    sync::{Mutex, MutexGuard, PoisonError},
};

use super::frames::FramesShown;

/// Maximum number of received bytes that are kept: a failure is explained by the first frames.
const MAX_KEPT_BYTES: usize = 64 * 1024;

#[derive(Debug)]
pub(super) struct Seen {
    /// The first bytes that the newest connection has received.
    received: Mutex<Vec<u8>>,
    /// `None` unless frames are shown.
    shown: Option<Mutex<FramesShown>>,
}

impl Seen {
    pub(super) fn new(is_verbose: bool) -> Self {
        Self {
            received: Mutex::default(),
            shown: is_verbose.then(Mutex::default),
        }
    }

    /// Forgets what an earlier connection has received.
    pub(super) fn begin_connection(&self) {
        lock(&self.received).clear();
        if let Some(shown) = &self.shown {
            *lock(shown) = FramesShown::default();
        }
    }

    pub(super) fn received(&self, bytes: &[u8]) {
        let mut kept = lock(&self.received);
        let room = MAX_KEPT_BYTES - kept.len();
        kept.extend_from_slice(&bytes[..bytes.len().min(room)]);
        self.show(|shown| shown.received(bytes));
    }

    pub(super) fn sent(&self, bytes: &[u8]) {
        self.show(|shown| shown.sent(bytes));
    }

    pub(super) fn ended(&self) {
        self.show(FramesShown::ended);
    }

    /// Returns the first bytes that the newest connection has received.
    pub(super) fn first_received(&self) -> Vec<u8> {
        lock(&self.received).clone()
    }

    /// Writes a line about the call, if lines are wanted.
    pub(super) fn note(&self, line: impl FnOnce() -> String) {
        if self.shown.is_some() {
            write(&[format!("* {}", line())]);
        }
    }

    fn show(&self, lines: impl FnOnce(&mut FramesShown) -> Vec<String>) {
        if let Some(shown) = &self.shown {
            write(&lines(&mut lock(shown)));
        }
    }
}

/// A reader of standard error that goes away takes nothing from the result.
fn write(lines: &[String]) {
    let mut stderr = io::stderr().lock();
    for line in lines {
        let _ = writeln!(stderr, "{line}");
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
