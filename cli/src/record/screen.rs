//! Live lines on standard output.

use std::io::{self, IsTerminal, Write};

use anstream::AutoStream;

use crate::traffic::{
    entry::Entry,
    filter::Filter,
    line::{Line, Width},
};

/// Standard output, and what is shown there.
pub(crate) struct Screen {
    stdout: AutoStream<io::Stdout>,
    filter: Filter,
    is_terminal: bool,
}

impl Screen {
    pub(crate) fn new(filter: Filter) -> Self {
        Self {
            stdout: anstream::stdout(),
            filter,
            is_terminal: io::stdout().is_terminal(),
        }
    }

    /// Writes an entry's line, if it is to be shown. Lines fit into a terminal, and are not cut
    /// elsewhere.
    pub(crate) fn show(&mut self, entry: &Entry) -> io::Result<()> {
        if !self.filter.passes(entry) {
            return Ok(());
        }
        let width = match self.is_terminal {
            true => Width::Columns(columns()),
            false => Width::Unlimited,
        };
        writeln!(self.stdout, "{}", Line { entry, width })
    }

    pub(crate) fn flush(&mut self) -> io::Result<()> {
        self.stdout.flush()
    }
}

/// Returns the width of the terminal, or 100 if nobody knows.
pub(crate) fn columns() -> usize {
    let (_, columns) = console::Term::stdout().size_checked().unwrap_or((0, 100));
    usize::from(columns).max(40)
}
