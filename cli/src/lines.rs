//! Data that is read line by line: a call for each line.

use std::{
    fs::File,
    io::{self, BufRead, BufReader},
    thread,
};

use nest_wire::json::Value;
use tokio::sync::mpsc;

use crate::{
    data::{Source, value},
    failure::Failure,
};

/// Maximum number of lines that are read ahead.
const MAX_AHEAD: usize = 16;

/// The data of the calls to make, one after the other.
pub(crate) struct Lines(mpsc::Receiver<Result<Value, Failure>>);

impl Lines {
    /// Begins to read, in a thread of its own: a read of standard input cannot be interrupted.
    pub(crate) fn of(source: Source) -> Result<Self, Failure> {
        let reader: Box<dyn BufRead + Send> = match &source {
            Source::Argument(text) => Box::new(io::Cursor::new(text.clone())),
            Source::Stdin => Box::new(BufReader::new(io::stdin())),
            Source::File(path) => Box::new(BufReader::new(
                File::open(path).map_err(|error| source.unreadable(&error))?,
            )),
        };
        let (sender, receiver) = mpsc::channel(MAX_AHEAD);
        thread::spawn(move || pass_on(reader, &source, &sender));
        Ok(Self(receiver))
    }

    /// Returns one value, as if it were the only line.
    pub(crate) fn one(value: Value) -> Self {
        let (sender, receiver) = mpsc::channel(1);
        sender.try_send(Ok(value)).expect("there is room for one");
        Self(receiver)
    }

    /// Returns the data of the next call, or `None` after the last one. An error is the last item.
    pub(crate) async fn next(&mut self) -> Option<Result<Value, Failure>> {
        self.0.recv().await
    }
}

/// Reads to the end, to the first line that is no data, or until nobody wants more.
fn pass_on(reader: Box<dyn BufRead + Send>, source: &Source, sender: &mpsc::Sender<Result<Value, Failure>>) {
    for (index, line) in reader.lines().enumerate() {
        let data = match line {
            Ok(line) if line.trim().is_empty() => continue,
            Ok(line) => value(&line).map_err(|fault| {
                Failure::usage(format_args!(
                    "{}, line {}: {}",
                    source.name(),
                    index + 1,
                    fault.in_file()
                ))
            }),
            Err(error) => Err(source.unreadable(&error)),
        };
        let is_last = data.is_err();
        if sender.blocking_send(data).is_err() || is_last {
            return;
        }
    }
}
