//! The log of a test.

use std::{
    io,
    sync::{Arc, LazyLock, Mutex, PoisonError},
};

use tracing::{Dispatch, Level, subscriber::DefaultGuard};
use tracing_subscriber::{
    Registry,
    fmt::{MakeWriter, format::FmtSpan},
};

/// Subscribers that nobody writes to. As long as a process has just one subscriber, `tracing` asks
/// the thread that comes first to a line of the log whether anybody wants it, and remembers the
/// answer for all threads. With these two it asks all subscribers.
static SILENT: LazyLock<[Dispatch; 2]> = LazyLock::new(|| [(); 2].map(|()| Dispatch::new(Registry::default())));

/// Makes `tracing` ask all subscribers from now on, also for a test that has a subscriber of its own.
pub(crate) fn ask_all_subscribers() {
    LazyLock::force(&SILENT);
}

/// Collects what this test's thread logs, from a level on.
pub(crate) struct Log {
    written: Written,
    _guard: DefaultGuard,
}

#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl Log {
    /// Collects events of this level and above, and spans with their fields.
    pub(crate) fn of(level: Level) -> Self {
        ask_all_subscribers();
        let written = Written::default();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(level)
            .with_ansi(false)
            .without_time()
            .with_span_events(FmtSpan::CLOSE)
            .with_writer(written.clone())
            .finish();
        Self {
            written,
            _guard: tracing::subscriber::set_default(subscriber),
        }
    }

    pub(crate) fn text(&self) -> String {
        let written = self.written.0.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&written).into_owned()
    }

    /// Returns the only line that contains `words`.
    pub(crate) fn line_with(&self, words: &str) -> String {
        let text = self.text();
        let mut lines = text.lines().filter(|line| line.contains(words));
        let line = lines
            .next()
            .unwrap_or_else(|| panic!("no line with {words} in: {text}"));
        assert!(lines.next().is_none(), "several lines with {words} in: {text}");
        line.to_owned()
    }
}

impl io::Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut written = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        written.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Written {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}
