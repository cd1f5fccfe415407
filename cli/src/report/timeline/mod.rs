//! Calls, events and faults over time, with a lane for each pattern.
//!
//! Up to [`MAX_BARS`] of them are kept one by one; beyond that, only counts by columns of time are
//! kept, so that memory and the drawing are bounded.

mod axis;
mod bins;
mod drawing;
mod lanes;
mod marks;

use std::{collections::BTreeMap, mem, sync::Arc};

use nest_wire::recording::Side;

use self::{bins::Bins, lanes::Lanes};
use crate::traffic::{
    entry::{Entry, Seen, What},
    packet::Kind,
};

/// Maximum number of bars and dots that are drawn one by one.
const MAX_BARS: usize = 10_000;
/// Maximum number of notches, the values of streams.
const MAX_NOTCHES: usize = 10_000;
/// Maximum number of calls that are remembered while they wait; more are not drawn.
const MAX_OPEN: usize = 500_000;

/// What became of something that is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Answered,
    Error,
    Unanswered,
    Event,
    /// A broken frame, or a connection that failed or was reset.
    Fault,
}

/// A call, from its request to its last reply, or a moment.
#[derive(Debug, Clone, PartialEq)]
struct Bar {
    lane: usize,
    start: u64,
    end: u64,
    outcome: Outcome,
    /// The row of its first packet in the list, if it is listed.
    row: Option<u32>,
    /// The times of the values before the last reply.
    values: Vec<u64>,
}

/// A call that waits for its last reply.
#[derive(Debug)]
struct Open {
    lane: usize,
    start: u64,
    row: Option<u32>,
    values: Vec<u64>,
}

#[derive(Debug)]
enum Kept {
    Bars(Vec<Bar>),
    Bins(Bins),
}

/// What is drawn.
#[derive(Debug)]
pub(super) struct Timeline {
    lanes: Lanes,
    /// By connection and number of the call, so that those of a connection are together.
    open: BTreeMap<(u32, u64), Open>,
    kept: Kept,
    /// The rows of requests that were never answered.
    unanswered: Vec<u32>,
    /// Number of notches so far.
    notches: usize,
    /// True if positions are microseconds since the recording began; otherwise they count entries.
    has_times: bool,
    /// The first position and the last one.
    span: Option<(u64, u64)>,
    entries: u64,
}

impl Default for Timeline {
    fn default() -> Self {
        Self {
            lanes: Lanes::default(),
            open: BTreeMap::new(),
            kept: Kept::Bars(Vec::new()),
            unanswered: Vec::new(),
            notches: 0,
            has_times: false,
            span: None,
            entries: 0,
        }
    }
}

impl Timeline {
    /// Adds an entry, and the number of its row if it is listed.
    pub(super) fn add(&mut self, entry: &Entry, row: Option<u32>) {
        let at = self.position(entry);
        match &entry.what {
            What::Packet(seen) => self.packet(entry, seen, at, row),
            What::Failed(_) | What::Missing(_) => self.moment(None, at, Outcome::Fault, row),
            What::Reset => {
                self.moment(None, at, Outcome::Fault, row);
                self.close(entry.connection, at);
            }
            // After this, the service answers nothing.
            What::End if entry.from == Side::Service => self.close(entry.connection, at),
            _ => {}
        }
    }

    /// Returns the row of the request that a reply belongs to.
    pub(super) fn row_of_request(&self, connection: u32, call: u64) -> Option<u32> {
        self.open.get(&(connection, call)).and_then(|open| open.row)
    }

    /// Ends the calls that still wait. Returns the rows of the requests that were never answered.
    pub(super) fn finish(&mut self) -> Vec<u32> {
        let (_, last) = self.span.unwrap_or_default();
        for open in mem::take(&mut self.open).into_values() {
            self.end(open, last, Outcome::Unanswered);
        }
        mem::take(&mut self.unanswered)
    }

    fn position(&mut self, entry: &Entry) -> u64 {
        if self.entries == 0 {
            self.has_times = entry.at.is_some();
        }
        self.entries += 1;
        let at = match (self.has_times, entry.at) {
            (true, Some(at)) => at.as_micros() as u64,
            (true, None) => self.span.map_or(0, |(_, last)| last),
            (false, _) => self.entries,
        };
        let (first, last) = self.span.unwrap_or((at, at));
        self.span = Some((first.min(at), last.max(at)));
        at
    }

    fn packet(&mut self, entry: &Entry, seen: &Seen, at: u64, row: Option<u32>) {
        let key = seen.call.map(|call| (entry.connection, call));
        match (seen.kind, key) {
            (Kind::Broken, _) => self.moment(None, at, Outcome::Fault, row),
            (Kind::Event, _) => self.moment(seen.pattern.as_ref(), at, Outcome::Event, row),
            (Kind::Request, Some(key)) if self.open.len() < MAX_OPEN => {
                let lane = self.lanes.of(seen.pattern.as_ref());
                let values = Vec::new();
                let open = Open {
                    lane,
                    start: at,
                    row,
                    values,
                };
                self.open.insert(key, open);
            }
            (Kind::Value, Some(key)) => self.value(key, at),
            (kind, Some(key)) => {
                let outcome = if kind.is_error() {
                    Outcome::Error
                } else {
                    Outcome::Answered
                };
                if let Some(open) = self.open.remove(&key) {
                    self.end(open, at, outcome);
                }
            }
            (_, None) => {}
        }
    }

    fn value(&mut self, key: (u32, u64), at: u64) {
        if let Some(open) = self.open.get_mut(&key)
            && self.notches < MAX_NOTCHES
            && matches!(self.kept, Kept::Bars(_))
        {
            self.notches += 1;
            open.values.push(at);
        }
    }

    fn moment(&mut self, pattern: Option<&Arc<str>>, at: u64, outcome: Outcome, row: Option<u32>) {
        let bar = Bar {
            lane: self.lanes.of(pattern),
            start: at,
            end: at,
            outcome,
            row,
            values: Vec::new(),
        };
        self.keep(bar);
    }

    /// Ends the calls of a connection that cannot be answered any more.
    fn close(&mut self, connection: u32, at: u64) {
        let of_it = self.open.range((connection, 0)..=(connection, u64::MAX));
        let keys: Vec<_> = of_it.map(|(key, _)| *key).collect();
        for key in keys {
            if let Some(open) = self.open.remove(&key) {
                self.end(open, at, Outcome::Unanswered);
            }
        }
    }

    fn end(&mut self, open: Open, end: u64, outcome: Outcome) {
        let Open {
            lane,
            start,
            row,
            values,
        } = open;
        if outcome == Outcome::Unanswered {
            self.unanswered.extend(row);
        }
        self.keep(Bar {
            lane,
            start,
            end: end.max(start),
            outcome,
            row,
            values,
        });
    }

    fn keep(&mut self, bar: Bar) {
        self.lanes.count(bar.lane);
        match &mut self.kept {
            Kept::Bars(bars) if bars.len() < MAX_BARS => bars.push(bar),
            Kept::Bars(bars) => {
                let (first, _) = self.span.unwrap_or_default();
                let mut bins = Bins::starting_at(first);
                mem::take(bars).iter().for_each(|bar| bins.add(bar));
                bins.add(&bar);
                self.kept = Kept::Bins(bins);
                self.open.values_mut().for_each(|open| open.values = Vec::new());
            }
            Kept::Bins(bins) => bins.add(&bar),
        }
    }
}
