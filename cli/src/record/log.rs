//! What happens to events: a thread masks, writes and shows them, so that traffic never waits for a
//! disk or a terminal.

use std::{
    io,
    thread::{self, JoinHandle},
    time::{Duration, Instant, SystemTime},
};

use nest_wire::recording::Event;
use tokio::sync::watch;

use super::{file::RecordingFile, screen::Screen, terminal::Shown};
use crate::{
    clock,
    failure::{Failure, Status, file_reason, say, warn},
    plural::counted,
    relay::queue::{Message, Receiver, Sender, queue},
    traffic::{mask::Mask, reading::Reading, summary::Summary},
};

/// Time between two looks at what has come: a line is shown, and written, so much later at most.
const PAUSE: Duration = Duration::from_millis(5);

/// The way to the thread.
pub(crate) struct Log {
    events: Sender,
    nobody_reads: watch::Receiver<bool>,
}

/// The thread.
pub(crate) struct Running(JoinHandle<(Recorder, Receiver)>);

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
    /// Set when the file or standard output could not be written.
    is_broken: bool,
    /// Number of lines that standard output did not take.
    unshown: u64,
}

impl Log {
    /// Starts the thread.
    pub(crate) fn new(mut recorder: Recorder, nobody_reads: watch::Receiver<bool>) -> (Self, Running) {
        let (sender, mut events) = queue();
        let thread = thread::spawn(move || {
            recorder.run(&mut events);
            (recorder, events)
        });
        let log = Self {
            events: sender,
            nobody_reads,
        };
        (log, Running(thread))
    }

    pub(crate) fn sender(&self) -> Sender {
        self.events.clone()
    }

    /// Returns true if no event has come.
    pub(crate) fn is_unused(&self) -> bool {
        self.events.is_unused()
    }

    /// Returns when there is nothing left to do: no file, and nobody reads standard output.
    pub(crate) async fn nobody_reads(&self) {
        if self.nobody_reads.clone().wait_for(|closed| *closed).await.is_err() {
            // Nobody will say so.
            std::future::pending::<()>().await;
        }
    }
}

impl Running {
    /// Waits for what has been sent, and says what was seen.
    pub(crate) fn finish(self, log: Log, began: Instant) -> Result<(), Failure> {
        drop(log);
        let (recorder, events) = self.0.join().expect("the thread of the recorder does not panic");
        recorder.finish(began, events.has_lost())
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
            unshown: 0,
        };
        Self { mask, masked }
    }

    fn run(&mut self, events: &mut Receiver) {
        while let Some(message) = events.blocking_recv() {
            self.message(message);
            // What comes meanwhile wakes nobody: a thread that is woken for each packet would cost
            // more than all that it does with them.
            thread::sleep(PAUSE);
            while let Some(message) = events.try_recv() {
                self.message(message);
            }
            self.masked.flush();
        }
    }

    fn message(&mut self, message: Message) {
        match message {
            Message::Event(event) => self.mask.apply(event, |event| self.masked.event(&event)),
            Message::AskBusy(answer) => {
                let mut busy = self.masked.reading.busy();
                self.mask.add_busy(&mut busy);
                let _ = answer.send(busy);
            }
        }
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
        self.reading.read(event, |entry| {
            summary.add(&entry);
            screen.show(&entry);
        });
    }

    fn flush(&mut self) {
        if let Some(Err(error)) = self.file.as_mut().map(RecordingFile::flush) {
            self.cannot_write(&error);
        }
        // Nothing more is shown after an error, which the screen's end reports.
        if self.screen.as_mut().is_some_and(|screen| !screen.flush())
            && let Some(screen) = self.screen.take()
        {
            self.shown(screen.finish());
        }
    }

    fn shown(&mut self, Shown { dropped, error }: Shown) {
        self.unshown += dropped;
        if let Some(error) = error {
            self.is_broken = true;
            say(format_args!("error: the output cannot be written: {error}"));
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

    fn finish(mut self, began: Instant, has_lost: bool) -> Result<(), Failure> {
        // The file is whole already: an output that nobody reads is not waited for long.
        if let Some(screen) = self.screen.take() {
            self.shown(screen.finish());
        }
        let seconds = began.elapsed().as_secs_f64();
        let Summary {
            packets, connections, ..
        } = self.summary;
        let is_recorded = self.name.is_some();
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
            let what = "the disk or this machine was slower than the traffic: some of it is not recorded";
            return Err(Failure::new(Status::Unwritable, what));
        }
        match self.unshown {
            0 if self.is_broken => Err(Failure::silent(Status::Unwritable)),
            0 => Ok(()),
            lines => {
                let what = format!("nobody read the output: {} not shown", counted(lines, "line"));
                if !is_recorded || self.is_broken {
                    return Err(Failure::new(Status::Unwritable, what));
                }
                warn(format_args!("{what}; the recording has everything"));
                Ok(())
            }
        }
    }
}
