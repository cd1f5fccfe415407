//! What happens to events: a thread masks, writes and shows them, so that traffic never waits for a
//! disk or a terminal.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
        mpsc,
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant, SystemTime},
};

use nest_wire::recording::{Content, Event};
use tokio::sync::watch;

use super::{file::RecordingFile, screen::Screen};
use crate::{
    clock,
    failure::{Failure, Status, file_reason, say, warn},
    traffic::{mask::Mask, reading::Reading, summary::Summary},
};

/// Maximum number of bytes that wait for the thread. Beyond that, events are lost, and the
/// command fails at its end: a disk or a terminal is slower than the traffic.
const MAX_WAITING_BYTES: usize = 256 * 1024 * 1024;
/// Time between two looks at what has come: a line is shown, and written, so much later at most.
const PAUSE: Duration = Duration::from_millis(5);
/// What an event without bytes counts.
const EVENT_BYTES: usize = 64;

/// The way to the thread.
pub(crate) struct Log {
    sender: mpsc::Sender<Event>,
    shared: Arc<Shared>,
    nobody_reads: watch::Receiver<bool>,
}

#[derive(Default)]
struct Shared {
    waiting_bytes: AtomicUsize,
    is_used: AtomicBool,
    has_lost: AtomicBool,
}

/// Sends events to the thread.
pub(crate) struct Sender {
    sender: mpsc::Sender<Event>,
    shared: Arc<Shared>,
}

/// The thread.
pub(crate) struct Running(JoinHandle<Recorder>);

/// What the thread does.
pub(crate) struct Recorder {
    mask: Mask,
    masked: Masked,
}

/// What is made of events without secrets.
struct Masked {
    file: Option<RecordingFile>,
    screen: Option<Screen>,
    reading: Reading,
    summary: Summary,
    /// The name of the file that is written, for the summary.
    name: Option<String>,
    /// Set when the file could not be written.
    is_broken: bool,
    /// Set when standard output could not be written, other than because its reader went away.
    is_mute: bool,
}

impl Log {
    /// Starts the thread.
    pub(crate) fn new(mut recorder: Recorder) -> (Self, Running) {
        let (sender, events) = mpsc::channel();
        let (closed, nobody_reads) = watch::channel(false);
        let shared = Arc::new(Shared::default());
        let counted = Arc::clone(&shared);
        let thread = thread::spawn(move || {
            recorder.run(&events, &counted, &closed);
            recorder
        });
        let log = Self {
            sender,
            shared,
            nobody_reads,
        };
        (log, Running(thread))
    }

    pub(crate) fn sender(&self) -> Sender {
        Sender {
            sender: self.sender.clone(),
            shared: Arc::clone(&self.shared),
        }
    }

    /// Returns true if no event has come.
    pub(crate) fn is_unused(&self) -> bool {
        !self.shared.is_used.load(Ordering::Relaxed)
    }

    /// Returns when there is nothing left to do: no file, and nobody reads standard output.
    pub(crate) async fn nobody_reads(&self) {
        // The thread outlives all senders: this fails only if it panicked.
        let _ = self.nobody_reads.clone().wait_for(|closed| *closed).await;
    }
}

impl Sender {
    pub(crate) fn send(&self, event: Event) {
        let bytes = size(&event);
        self.shared.is_used.store(true, Ordering::Relaxed);
        if self.shared.waiting_bytes.fetch_add(bytes, Ordering::Relaxed) > MAX_WAITING_BYTES {
            self.shared.waiting_bytes.fetch_sub(bytes, Ordering::Relaxed);
            self.shared.has_lost.store(true, Ordering::Relaxed);
            return;
        }
        // The thread is gone only if it panicked, which its end reports.
        let _ = self.sender.send(event);
    }
}

fn size(event: &Event) -> usize {
    match &event.content {
        Content::Segment(bytes) => bytes.len() + EVENT_BYTES,
        _ => EVENT_BYTES,
    }
}

impl Running {
    /// Waits for what has been sent, and says what was seen.
    pub(crate) fn finish(self, log: Log, began: Instant) -> Result<(), Failure> {
        let shared = Arc::clone(&log.shared);
        drop(log);
        let recorder = self.0.join().expect("the thread of the recorder does not panic");
        recorder.finish(began, shared.has_lost.load(Ordering::Relaxed))
    }
}

impl Recorder {
    pub(crate) fn new(mask: Mask, file: Option<RecordingFile>, screen: Option<Screen>) -> Self {
        let masked = Masked {
            name: file.as_ref().map(|file| file.path().display().to_string()),
            file,
            screen,
            reading: Reading::default(),
            summary: Summary::default(),
            is_broken: false,
            is_mute: false,
        };
        Self { mask, masked }
    }

    fn run(&mut self, events: &mpsc::Receiver<Event>, shared: &Shared, closed: &watch::Sender<bool>) {
        while let Ok(event) = events.recv() {
            self.event(event, shared);
            // What comes meanwhile wakes nobody: a thread that is woken for each packet would cost
            // more than all that it does with them.
            thread::sleep(PAUSE);
            while let Ok(event) = events.try_recv() {
                self.event(event, shared);
            }
            self.masked.flush();
            if self.masked.has_nothing_to_do() {
                closed.send_replace(true);
            }
        }
    }

    fn event(&mut self, event: Event, shared: &Shared) {
        shared.waiting_bytes.fetch_sub(size(&event), Ordering::Relaxed);
        self.mask.apply(event, |event| self.masked.event(&event));
    }

    /// Writes the summary to standard error.
    fn finish(mut self, began: Instant, has_lost: bool) -> Result<(), Failure> {
        // What the mask holds back still.
        self.mask.finish(|event| self.masked.event(&event));
        self.masked.flush();
        for warning in self.mask.warnings() {
            warn(warning);
        }
        self.masked.finish(began, has_lost)
    }
}

impl Masked {
    fn event(&mut self, event: &Event) {
        if let Some(file) = &mut self.file {
            match file.write(event) {
                Ok(true) => {}
                Ok(false) => self.is_full(),
                Err(error) => self.cannot_write(&error),
            }
        }
        let (summary, Some(screen)) = (&mut self.summary, &mut self.screen) else {
            return self.reading.count(event, &mut self.summary);
        };
        let mut shown = Ok(());
        self.reading.read(event, |entry| {
            summary.add(&entry);
            if shown.is_ok() {
                shown = screen.show(&entry);
            }
        });
        self.shown(shown);
    }

    fn flush(&mut self) {
        if let Some(Err(error)) = self.file.as_mut().map(RecordingFile::flush) {
            self.cannot_write(&error);
        }
        let shown = self.screen.as_mut().map_or(Ok(()), Screen::flush);
        self.shown(shown);
    }

    /// Shows nothing more after an error.
    fn shown(&mut self, shown: io::Result<()>) {
        if let Err(error) = shown {
            self.screen = None;
            if error.kind() != io::ErrorKind::BrokenPipe {
                self.is_mute = true;
                say(format_args!("error: the output cannot be written: {error}"));
            }
        }
    }

    fn is_full(&mut self) {
        if let Some(mut file) = self.file.take() {
            let _ = file.flush();
            let now = clock::time_of_day(SystemTime::now());
            say(format_args!(
                "{}: --max-size is reached; traffic passes on, unrecorded since {now}",
                file.path().display()
            ));
        }
    }

    fn cannot_write(&mut self, error: &io::Error) {
        if let Some(file) = self.file.take() {
            self.is_broken = true;
            let now = clock::time_of_day(SystemTime::now());
            let name = file.path().display().to_string();
            say(format_args!(
                "error: {name}: {}; traffic passes on, unrecorded since {now}",
                file_reason(error)
            ));
            file.cut();
        }
    }

    /// Returns true if there is no file, and nobody reads standard output.
    fn has_nothing_to_do(&self) -> bool {
        self.name.is_none() && self.screen.is_none()
    }

    fn finish(self, began: Instant, has_lost: bool) -> Result<(), Failure> {
        let seconds = began.elapsed().as_secs_f64();
        let Summary {
            packets, connections, ..
        } = self.summary;
        let name = self.name.map(|name| format!(": {name}")).unwrap_or_default();
        say(format_args!(
            "{} on {} in {seconds:.1} s{name}",
            counted(packets, "packet"),
            counted(connections, "connection")
        ));
        if packets > 0 {
            say(&self.summary);
        }
        if has_lost {
            let what = "the disk or the terminal was slower than the traffic: some of it is not recorded";
            return Err(Failure::new(Status::Unwritable, what));
        }
        match self.is_broken || self.is_mute {
            true => Err(Failure::silent(Status::Unwritable)),
            false => Ok(()),
        }
    }
}

/// Returns a number with its noun: `1 packet`, `3 packets`.
pub(crate) fn counted(number: u64, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}
