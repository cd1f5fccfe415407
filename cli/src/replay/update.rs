//! A recording made anew: the callers as recorded, the service as it answered now.

use std::{
    fs::{self, File},
    io::BufWriter,
    path::{Path, PathBuf},
};

use bytes::BytesMut;
use nest_wire::{
    codec::encode,
    recording::{Content, Event, Side, Writer},
};

use crate::{
    failure::{Failure, Status, file_reason},
    pointer::Pointer,
    traffic::mask::Mask,
};

/// Writes beside the old file, which is replaced at the end.
pub(super) struct Update {
    path: PathBuf,
    beside: PathBuf,
    writer: Writer<BufWriter<File>>,
    /// What was masked when the file was recorded stays masked.
    mask: Mask,
    is_finished: bool,
    /// True if an error came where a value was recorded.
    pub(super) has_errors: bool,
}

impl Update {
    /// Begins the new file, with the notes of the old one.
    pub(super) fn new(
        path: &Path,
        notes: std::collections::BTreeMap<String, String>,
        masked: Vec<Pointer>,
    ) -> Result<Self, Failure> {
        let beside = path.with_extension("jsonl.new");
        let file = File::create(&beside).map_err(|error| cannot(&beside, &error))?;
        Ok(Self {
            path: path.to_owned(),
            writer: Writer::new(BufWriter::new(file), notes).map_err(|error| cannot(&beside, &error))?,
            beside,
            mask: Mask::new(masked, false),
            is_finished: false,
            has_errors: false,
        })
    }

    /// Writes an event of a caller, or the end of a connection.
    pub(super) fn write(&mut self, event: &Event) -> Result<(), Failure> {
        let Self { mask, writer, .. } = self;
        let mut written = Ok(());
        mask.apply(event.clone(), |event| {
            if written.is_ok() {
                written = writer.write(&event);
            }
        });
        written.map_err(|error| cannot(&self.beside, &error))
    }

    /// Writes what came in place of the replies that `event` ended.
    pub(super) fn replies(&mut self, event: &Event, replies: &[String]) -> Result<(), Failure> {
        let mut bytes = BytesMut::new();
        for reply in replies {
            encode(reply, &mut bytes);
        }
        let mut written = Event::new(event.connection, Side::Service, Content::Segment(bytes.freeze()));
        written.at = event.at;
        self.write(&written)
    }

    /// Puts the new file in the place of the old one.
    pub(super) fn finish(mut self) -> Result<(), Failure> {
        let Self { mask, writer, .. } = &mut self;
        let mut written = Ok(());
        mask.finish(|event| {
            if written.is_ok() {
                written = writer.write(&event);
            }
        });
        written
            .and_then(|()| writer.flush())
            .map_err(|error| cannot(&self.beside, &error))?;
        self.is_finished = true;
        fs::rename(&self.beside, &self.path).map_err(|error| cannot(&self.path, &error))
    }
}

/// Leaves the old file as it is, and nothing beside it.
impl Drop for Update {
    fn drop(&mut self) {
        if !self.is_finished {
            let _ = fs::remove_file(&self.beside);
        }
    }
}

fn cannot(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(
        Status::Unwritable,
        format!("{}: {}", path.display(), file_reason(error)),
    )
}
