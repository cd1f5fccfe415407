//! `--record`: what callers and the bridge say to each other, in a file.

use std::{path::PathBuf, time::Instant};

use clap::Args;
use tokio::{sync::watch, task::spawn_blocking};

use crate::{
    failure::Failure,
    pointer::Pointer,
    record::{
        file::{Existing, RecordingFile, notes},
        log::{Log, Recorder, Running},
    },
    relay::tee::Tap,
    signals,
    traffic::mask::Mask,
};

/// What is recorded, and where.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Recording, of callers over TCP, TLS and Unix sockets")]
pub(crate) struct RecordOptions {
    /// Record the packets between callers and the bridge, as record does
    #[arg(long, value_name = "FILE")]
    pub(super) record: Option<PathBuf>,
    /// Write over the file of --record if it exists
    #[arg(long, requires = "record")]
    force: bool,
    /// Write "***" instead of these values: /data/password, /response/*/token; repeatable
    #[arg(long, value_name = "POINTER", requires = "record")]
    mask: Vec<Pointer>,
}

/// A recording that is being made.
pub(super) struct Recording {
    log: Log,
    recorder: Running,
    began: Instant,
}

impl RecordOptions {
    /// Begins a recording, if there is to be one.
    pub(super) fn begin(&self, listen: &str, to: &str) -> Result<Option<Recording>, Failure> {
        let Some(path) = &self.record else {
            return Ok(None);
        };
        let notes = notes(listen, to, &self.mask);
        let file = RecordingFile::open(path, Existing::forced(self.force), None, notes)?;
        // Nothing is shown, so nobody stops reading it.
        let (_, nobody_reads) = watch::channel(false);
        let mask = Mask::new(self.mask.clone(), false);
        let (log, recorder) = Log::new(Recorder::new(mask, Some(file), None), nobody_reads);
        let began = Instant::now();
        Ok(Some(Recording { log, recorder, began }))
    }
}

impl Recording {
    pub(super) fn tap(&self) -> Tap {
        Tap::new(self.log.sender(), self.began)
    }

    /// Waits until all is written, once no connection is left, and says what was recorded.
    ///
    /// # Errors
    /// Some of it is not.
    pub(super) async fn finish(self) -> Result<(), Failure> {
        let Self { log, recorder, began } = self;
        let finished = spawn_blocking(move || recorder.finish(log, began));
        tokio::select! {
            finished = finished => finished.expect("the recorder does not panic"),
            signal = signals::first() => Err(Failure::stopped(signal, "the recording was still being written")),
        }
    }
}
