//! A thread that writes lines: an output that is not read holds up nothing else.

use std::{
    io::{self, Write},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
        mpsc::{self, RecvTimeoutError},
    },
    thread,
    time::Duration,
};

/// Maximum size, in bytes, of the lines that wait to be written. Beyond that, lines are dropped.
const MAX_WAITING_BYTES: usize = 16 * 1024 * 1024;
/// Time without any progress after which the end does not wait for the output any more.
const STUCK: Duration = Duration::from_secs(2);

/// The way to the thread.
pub(crate) struct Terminal {
    sender: mpsc::Sender<Lines>,
    ended: mpsc::Receiver<io::Result<()>>,
    progress: Arc<Progress>,
    /// Number of lines that were given and dropped.
    dropped: u64,
    /// Number of lines that were given and not dropped.
    given: u64,
}

struct Lines {
    text: String,
    count: u64,
}

#[derive(Default)]
struct Progress {
    waiting_bytes: AtomicUsize,
    /// Number of lines that are written.
    written: AtomicU64,
    has_ended: AtomicBool,
}

/// What came of the lines.
#[derive(Debug)]
pub(crate) struct Shown {
    /// Number of lines that the output did not take.
    pub(crate) dropped: u64,
    /// Why no more could be written. A reader that went away is no error.
    pub(crate) error: Option<io::Error>,
}

impl Terminal {
    /// Starts the thread. It calls `on_end` when nothing more can be written.
    pub(crate) fn new(output: impl Write + Send + 'static, on_end: impl FnOnce() + Send + 'static) -> Self {
        let (sender, lines) = mpsc::channel();
        let (end, ended) = mpsc::channel();
        let progress = Arc::new(Progress::default());
        let made = Arc::clone(&progress);
        thread::spawn(move || {
            let result = write(output, &lines, &made);
            made.has_ended.store(true, Ordering::Relaxed);
            if result.is_err() {
                on_end();
            }
            // Nobody waits for it if the command has ended.
            let _ = end.send(result);
        });
        Self {
            sender,
            ended,
            progress,
            dropped: 0,
            given: 0,
        }
    }

    /// Returns true if nothing more can be written.
    pub(crate) fn has_ended(&self) -> bool {
        self.progress.has_ended.load(Ordering::Relaxed)
    }

    /// Hands over this number of lines, unless too much waits. Returns false if nothing more can be
    /// written.
    pub(crate) fn write(&mut self, text: String, count: u64) -> bool {
        if self.has_ended() {
            return false;
        }
        let waiting = &self.progress.waiting_bytes;
        if waiting.load(Ordering::Relaxed) > MAX_WAITING_BYTES {
            self.dropped += count;
            return true;
        }
        waiting.fetch_add(text.len(), Ordering::Relaxed);
        self.given += count;
        self.sender.send(Lines { text, count }).is_ok()
    }

    /// Waits until all lines are written, or as long as some are.
    pub(crate) fn finish(self) -> Shown {
        drop(self.sender);
        let mut written = 0;
        loop {
            match self.ended.recv_timeout(STUCK) {
                Ok(Ok(())) => return Shown::new(self.dropped, None),
                Ok(Err(error)) => return Shown::new(self.dropped, Some(error)),
                Err(RecvTimeoutError::Disconnected) => unreachable!("the thread sends how it ended"),
                Err(RecvTimeoutError::Timeout) => {
                    let now = self.progress.written.load(Ordering::Relaxed);
                    if now == written {
                        return Shown::new(self.dropped + (self.given - now), None);
                    }
                    written = now;
                }
            }
        }
    }
}

impl Shown {
    fn new(dropped: u64, error: Option<io::Error>) -> Self {
        let error = error.filter(|error| error.kind() != io::ErrorKind::BrokenPipe);
        Self { dropped, error }
    }
}

fn write(mut output: impl Write, lines: &mpsc::Receiver<Lines>, progress: &Progress) -> io::Result<()> {
    while let Ok(Lines { text, count }) = lines.recv() {
        output.write_all(text.as_bytes())?;
        output.flush()?;
        progress.waiting_bytes.fetch_sub(text.len(), Ordering::Relaxed);
        progress.written.fetch_add(count, Ordering::Relaxed);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An output that waits until it may write.
    struct Blocked(mpsc::Receiver<()>);

    impl Write for Blocked {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let _ = self.0.recv();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn lines_beyond_what_may_wait_are_dropped_and_counted() {
        let (unblock, blocked) = mpsc::channel();
        let mut terminal = Terminal::new(Blocked(blocked), || {});
        for _ in 0..20 {
            assert!(terminal.write("x".repeat(1024 * 1024), 3), "it is blocked, not broken");
        }
        assert_eq!((terminal.given, terminal.dropped), (17 * 3, 3 * 3));
        drop(unblock);
        let shown = terminal.finish();
        assert_eq!((shown.dropped, shown.error.is_none()), (9, true));
    }

    #[test]
    fn an_output_that_never_takes_anything_is_not_waited_for() {
        let (_still_blocked, blocked) = mpsc::channel();
        let mut terminal = Terminal::new(Blocked(blocked), || {});
        assert!(terminal.write("x\n".to_owned(), 1));
        assert_eq!(terminal.finish().dropped, 1);
    }

    #[test]
    fn an_output_that_fails_ends_it_and_is_reported() {
        struct Full;
        impl Write for Full {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::StorageFull.into())
            }

            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let (tell, told) = mpsc::channel();
        let mut terminal = Terminal::new(Full, move || tell.send(()).expect("somebody waits"));
        assert!(terminal.write("x\n".to_owned(), 1));
        told.recv().expect("it has ended");
        assert!(!terminal.write("x\n".to_owned(), 1));
        let error = terminal.finish().error.expect("an error");
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    }
}
