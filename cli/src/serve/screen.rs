//! Lines on standard output, written by a thread: no caller waits for a terminal.

use std::{
    io::{self, IsTerminal, Write},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread,
    time::{Duration, Instant},
};

use tokio::sync::oneshot;

use crate::{
    failure::warn,
    inspect::json,
    plural::counted,
    record::screen::columns,
    traffic::{
        entry::Entry,
        line::{Line, Width},
    },
};

/// Maximum number of lines that wait for the thread. Further ones are not shown.
const MAX_WAITING: usize = 10_000;
/// Maximum time in which the last lines are written.
const GOODBYE: Duration = Duration::from_secs(2);

/// Standard output.
pub(super) struct Screen {
    lines: SyncSender<String>,
    is_json: bool,
    width: Option<usize>,
    began: Instant,
    lost: Arc<AtomicU64>,
}

/// The thread that writes.
pub(super) struct Writing {
    ended: oneshot::Receiver<()>,
    lost: Arc<AtomicU64>,
}

impl Screen {
    /// Starts the thread.
    pub(super) fn new(is_json: bool) -> (Self, Writing) {
        let (lines, waiting) = sync_channel(MAX_WAITING);
        let (end, ended) = oneshot::channel();
        let lost = Arc::new(AtomicU64::new(0));
        thread::spawn(move || {
            // A reader that goes away (`| head`) ends no service.
            let _ = write(&waiting);
            while waiting.recv().is_ok() {}
            let _ = end.send(());
        });
        let screen = Self {
            lines,
            is_json,
            width: io::stdout().is_terminal().then(columns),
            began: Instant::now(),
            lost: Arc::clone(&lost),
        };
        (screen, Writing { ended, lost })
    }

    /// Returns the time since the start.
    pub(super) fn age(&self) -> Duration {
        self.began.elapsed()
    }

    pub(super) fn show(&self, entry: &Entry) {
        let width = self.width.map_or(Width::Unlimited, Width::Columns);
        self.line(match self.is_json {
            true => json::entry(entry),
            false => Line { entry, width }.to_string(),
        });
    }

    /// Writes a line for programs, if lines are for programs.
    pub(super) fn json(&self, line: impl FnOnce() -> String) {
        if self.is_json {
            self.line(line());
        }
    }

    fn line(&self, line: String) {
        if self.lines.try_send(line).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Writing {
    /// Waits for the last lines, once there is no [`Screen`] any more.
    pub(super) async fn end(self) {
        // A terminal that takes no lines does not hold up the end.
        let _ = tokio::time::timeout(GOODBYE, self.ended).await;
        match self.lost.load(Ordering::Relaxed) {
            0 => {}
            lost => warn(format_args!(
                "{} not shown: their reader is slower than the traffic",
                counted(lost, "line")
            )),
        }
    }
}

fn write(lines: &Receiver<String>) -> io::Result<()> {
    let mut stdout = anstream::stdout();
    while let Ok(line) = lines.recv() {
        writeln!(stdout, "{line}")?;
        stdout.flush()?;
    }
    Ok(())
}
