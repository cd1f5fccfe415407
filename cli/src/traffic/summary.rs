//! The traffic by pattern: how many calls, errors and unanswered ones, and how long they took.

use std::{collections::HashMap, fmt, sync::Arc, time::Duration};

use hdrhistogram::Histogram;
use unicode_width::UnicodeWidthStr;

use super::{
    entry::{Entry, What},
    packet::Kind,
    text::{cut, printable, time},
};

/// Maximum number of patterns with a row of their own.
const MAX_ROWS: usize = 4000;
/// The row of all patterns beyond that.
const OTHERS: &str = "(other patterns)";

/// Counts what it is shown.
#[derive(Debug, Default)]
pub(crate) struct Summary {
    /// Number of packets, broken ones too.
    pub(crate) packets: u64,
    /// Number of packets that are broken.
    pub(crate) broken: u64,
    /// Number of connections with any event.
    pub(crate) connections: u64,
    /// The time of the last event.
    pub(crate) last: Option<Duration>,
    highest_connection: u32,
    rows: HashMap<(Arc<str>, bool), Row>,
}

/// The counts of one pattern.
#[derive(Debug)]
pub(crate) struct Row {
    /// Number of requests, or of events.
    pub(crate) asked: u64,
    pub(crate) errors: u64,
    /// Number of requests whose last reply came.
    pub(crate) answered: u64,
    /// Times from a request to its last reply, in microseconds.
    latencies: Histogram<u32>,
}

impl Summary {
    /// Counts an entry.
    pub(crate) fn add(&mut self, entry: &Entry) {
        self.event(entry.at, entry.connection);
        if let What::Packet(seen) = &entry.what {
            self.broken += u64::from(seen.why.is_some());
            self.packet(seen.kind, seen.pattern.as_ref(), seen.latency);
        }
    }

    /// Counts what happened at this time on this connection.
    pub(super) fn event(&mut self, at: Option<Duration>, connection: u32) {
        self.last = self.last.max(at);
        if connection > self.highest_connection {
            self.highest_connection = connection;
            self.connections += 1;
        }
    }

    /// Counts a packet.
    pub(super) fn packet(&mut self, kind: Kind, pattern: Option<&Arc<str>>, latency: Option<Duration>) {
        self.packets += 1;
        match (kind, pattern) {
            (Kind::Request | Kind::Event, Some(pattern)) => self.row(pattern, kind == Kind::Event).asked += 1,
            (kind, Some(pattern)) if kind.is_final() => self.row(pattern, false).answer(kind, latency),
            _ => {}
        }
    }

    fn row(&mut self, pattern: &Arc<str>, is_event: bool) -> &mut Row {
        let mut key = (Arc::clone(pattern), is_event);
        if self.rows.len() >= MAX_ROWS && !self.rows.contains_key(&key) {
            key.0 = OTHERS.into();
        }
        self.rows.entry(key).or_insert_with(Row::new)
    }

    /// Returns the rows: pattern, whether they are events, counts. The pattern with the most calls
    /// is the first, and events come last.
    pub(crate) fn rows(&self) -> Vec<(&str, bool, &Row)> {
        let mut rows: Vec<_> = self
            .rows
            .iter()
            .map(|((pattern, is_event), row)| (&**pattern, *is_event, row))
            .collect();
        rows.sort_by(|a, b| (a.1, b.2.asked, a.0).cmp(&(b.1, a.2.asked, b.0)));
        rows
    }

    /// Returns the number of requests without a last reply.
    pub(crate) fn unanswered(&self) -> u64 {
        let calls = self.rows.iter().filter(|((_, is_event), _)| !is_event);
        calls.map(|(_, row)| row.unanswered()).sum()
    }
}

impl Row {
    fn new() -> Self {
        Self {
            asked: 0,
            errors: 0,
            answered: 0,
            // Two digits are exact, in a few kilobytes: there may be thousands of patterns.
            latencies: Histogram::new(2).expect("two digits are allowed"),
        }
    }

    fn answer(&mut self, kind: Kind, latency: Option<Duration>) {
        self.answered += 1;
        self.errors += u64::from(kind.is_error());
        if let Some(latency) = latency {
            // What took longer than an hour counts as an hour.
            let micros = (latency.as_micros() as u64).min(3_600_000_000);
            self.latencies.record(micros).expect("a histogram that grows");
        }
    }

    /// Returns the number of requests without a last reply.
    pub(crate) fn unanswered(&self) -> u64 {
        self.asked.saturating_sub(self.answered)
    }

    /// Returns the time within which this share of the calls was answered, if any times are known.
    pub(crate) fn quantile(&self, share: f64) -> Option<Duration> {
        let is_empty = self.latencies.is_empty();
        (!is_empty).then(|| Duration::from_micros(self.latencies.value_at_quantile(share)))
    }
}

/// A table with a line for each pattern.
impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows = self.rows();
        let names: Vec<String> = rows
            .iter()
            .map(|(pattern, is_event, _)| format!("{}{}", printable(pattern), if *is_event { " (event)" } else { "" }))
            .collect();
        let width = names
            .iter()
            .map(|name| name.width())
            .max()
            .unwrap_or(0)
            .max("pattern".len())
            .min(60);
        write!(
            f,
            "{:<width$}  {:>8}  {:>8}  {:>10}  {:>8}  {:>8}",
            "pattern", "asked", "errors", "unanswered", "p50", "p99"
        )?;
        for (name, (_, is_event, row)) in names.iter().zip(rows) {
            let name = cut(name, width);
            let padding = width - name.width();
            let blank = |number: u64| if number == 0 { String::new() } else { number.to_string() };
            let unanswered = if is_event { 0 } else { row.unanswered() };
            let line = format!(
                "{name}{:padding$}  {:>8}  {:>8}  {:>10}  {:>8}  {:>8}",
                "",
                row.asked,
                blank(row.errors),
                blank(unanswered),
                row.quantile(0.5).map(time).unwrap_or_default(),
                row.quantile(0.99).map(time).unwrap_or_default(),
            );
            write!(f, "\n{}", line.trim_end())?;
        }
        Ok(())
    }
}
