//! What an inspection shows or writes.

use std::{
    fs::File,
    io::{self, BufWriter, Write},
};

use anstream::AutoStream;
use nest_wire::recording::Writer;

use super::{json, pairs::Pairs};
use crate::{
    plural::counted,
    traffic::{
        entry::{Entry, What},
        line::{Line, Width},
        summary::Summary,
    },
};

/// What comes out.
pub(super) enum Output {
    Lines(Screen, Width),
    Json(Screen),
    Pairs(Screen, Pairs),
    Summary(Screen, AsJson),
    Recording(Writer<BufWriter<File>>),
}

pub(super) type AsJson = bool;

/// Standard output.
pub(super) struct Screen {
    stdout: BufWriter<AutoStream<io::Stdout>>,
    /// True if each line goes out at once, since more may come only after a while.
    is_live: bool,
}

impl Output {
    /// Shows an entry. Returns true if that shows a packet, or a call.
    pub(super) fn entry(&mut self, entry: &Entry) -> io::Result<bool> {
        let is_packet = matches!(entry.what, What::Packet(_));
        match self {
            Self::Lines(screen, width) => screen.line(Line { entry, width: *width }).map(|()| is_packet),
            Self::Json(screen) => screen.line(json::entry(entry)).map(|()| is_packet),
            Self::Pairs(screen, pairs) => match pairs.entry(entry) {
                Some(line) => screen.line(line).map(|()| true),
                None => Ok(false),
            },
            Self::Summary(..) | Self::Recording(_) => Ok(is_packet),
        }
    }

    /// Shows what is left. Returns the number of calls in it.
    pub(super) fn finish(&mut self, summary: &Summary) -> io::Result<u64> {
        let mut calls = 0;
        match self {
            Self::Lines(screen, _) | Self::Json(screen) => screen.stdout.flush(),
            Self::Pairs(screen, pairs) => {
                for line in pairs.unanswered() {
                    calls += 1;
                    screen.line(line)?;
                }
                screen.stdout.flush()
            }
            Self::Summary(screen, true) => {
                for line in json::summary(summary) {
                    screen.line(line)?;
                }
                screen.stdout.flush()
            }
            Self::Summary(screen, false) => {
                screen.line(format_args!(
                    "{} on {}",
                    counted(summary.packets, "packet"),
                    counted(summary.connections, "connection")
                ))?;
                screen.line(summary)?;
                screen.stdout.flush()
            }
            Self::Recording(writer) => writer.flush(),
        }
        .map(|()| calls)
    }
}

impl Screen {
    /// Returns standard output. `is_live` is true if each line goes out at once.
    pub(super) fn new(is_live: bool) -> Self {
        Self {
            stdout: BufWriter::new(anstream::stdout()),
            is_live,
        }
    }

    fn line(&mut self, line: impl std::fmt::Display) -> io::Result<()> {
        writeln!(self.stdout, "{line}")?;
        match self.is_live {
            true => self.stdout.flush(),
            false => Ok(()),
        }
    }
}
