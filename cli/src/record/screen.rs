//! Live lines on standard output.

use std::{
    fmt::Write as _,
    io::{self, IsTerminal},
};

use super::terminal::{Shown, Terminal};
use crate::traffic::{
    entry::Entry,
    filter::Filter,
    line::{Line, Width},
};

/// What is shown, and where.
pub(crate) struct Screen {
    terminal: Terminal,
    filter: Filter,
    is_terminal: bool,
    /// The lines since the last flush.
    lines: String,
    /// Their number.
    count: u64,
}

impl Screen {
    /// Returns a screen on standard output. Calls `on_end` when nothing more can be written there.
    pub(crate) fn new(filter: Filter, on_end: impl FnOnce() + Send + 'static) -> Self {
        Self {
            terminal: Terminal::new(anstream::stdout(), on_end),
            filter,
            is_terminal: io::stdout().is_terminal(),
            lines: String::new(),
            count: 0,
        }
    }

    /// Adds an entry's line, if it is to be shown. Lines fit into a terminal, and are not cut
    /// elsewhere.
    pub(crate) fn show(&mut self, entry: &Entry) {
        if !self.filter.passes(entry) {
            return;
        }
        let width = match self.is_terminal {
            true => Width::Columns(columns()),
            false => Width::Unlimited,
        };
        writeln!(self.lines, "{}", Line { entry, width }).expect("memory can be written to");
        self.count += 1;
    }

    /// Passes the lines on. Returns false if nothing more can be written.
    pub(crate) fn flush(&mut self) -> bool {
        match self.count {
            0 => !self.terminal.has_ended(),
            count => {
                self.count = 0;
                self.terminal.write(std::mem::take(&mut self.lines), count)
            }
        }
    }

    /// Waits until all lines are written, or none can be for a while. Returns what came of them.
    pub(crate) fn finish(mut self) -> Shown {
        self.flush();
        self.terminal.finish()
    }
}

/// Returns the width of the terminal, or 100 if nobody knows.
pub(crate) fn columns() -> usize {
    let (_, columns) = console::Term::stdout().size_checked().unwrap_or((0, 100));
    usize::from(columns).max(40)
}
