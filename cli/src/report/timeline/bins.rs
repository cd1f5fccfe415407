//! Counts by columns of time, for more calls than can be drawn one by one.

use super::{Bar, Outcome};

/// Maximum number of columns; at least half of them are used.
const MAX_COLUMNS: usize = 256;

/// The counts of all lanes. The columns become twice as wide whenever a time lies behind them.
#[derive(Debug)]
pub(super) struct Bins {
    start: u64,
    /// The width of a column.
    pub(super) width: u64,
    lanes: Vec<Vec<Bin>>,
}

/// What began in a column of time.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Bin {
    counts: [u32; OUTCOMES.len()],
    /// The row of the first packet that is listed.
    pub(super) row: Option<u32>,
}

/// The outcomes in the order in which they are stacked, from the bottom.
pub(super) const OUTCOMES: [Outcome; 5] = [
    Outcome::Error,
    Outcome::Fault,
    Outcome::Unanswered,
    Outcome::Answered,
    Outcome::Event,
];

impl Bins {
    pub(super) const fn starting_at(start: u64) -> Self {
        Self {
            start,
            width: 1,
            lanes: Vec::new(),
        }
    }

    /// Counts a bar in the column in which it starts.
    pub(super) fn add(&mut self, bar: &Bar) {
        while self.column(bar.start) >= MAX_COLUMNS as u64 {
            self.width *= 2;
            self.lanes.iter_mut().for_each(halve);
        }
        let column = self.column(bar.start) as usize;
        if self.lanes.len() <= bar.lane {
            self.lanes.resize(bar.lane + 1, Vec::new());
        }
        let lane = &mut self.lanes[bar.lane];
        if lane.len() <= column {
            lane.resize(column + 1, Bin::default());
        }
        lane[column].count(bar);
    }

    /// Returns the columns of a lane: start and counts.
    pub(super) fn of(&self, lane: usize) -> impl Iterator<Item = (u64, &Bin)> {
        let columns = self.lanes.get(lane).map_or(&[][..], Vec::as_slice);
        columns
            .iter()
            .enumerate()
            .map(|(column, bin)| (self.start + column as u64 * self.width, bin))
            .filter(|(_, bin)| bin.total() > 0)
    }

    fn column(&self, at: u64) -> u64 {
        at.saturating_sub(self.start) / self.width
    }
}

impl Bin {
    fn count(&mut self, bar: &Bar) {
        let counts = self.counts.iter_mut().zip(OUTCOMES);
        for (count, _) in counts.filter(|(_, outcome)| *outcome == bar.outcome) {
            *count = count.saturating_add(1);
        }
        self.row = first(self.row, bar.row);
    }

    /// Returns the number of each outcome that occurs.
    pub(super) fn counts(&self) -> impl Iterator<Item = (Outcome, u32)> {
        let counts = OUTCOMES.into_iter().zip(self.counts);
        counts.filter(|(_, count)| *count > 0)
    }

    pub(super) fn total(&self) -> u64 {
        self.counts.iter().map(|count| u64::from(*count)).sum()
    }
}

/// Joins each two columns.
fn halve(lane: &mut Vec<Bin>) {
    *lane = lane
        .chunks(2)
        .map(|pair| {
            let mut joined = pair[0];
            for bin in &pair[1..] {
                for (count, more) in joined.counts.iter_mut().zip(bin.counts) {
                    *count = count.saturating_add(more);
                }
                joined.row = first(joined.row, bin.row);
            }
            joined
        })
        .collect();
}

fn first(one: Option<u32>, other: Option<u32>) -> Option<u32> {
    one.into_iter().chain(other).min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_lost_when_columns_become_wider() {
        let mut bins = Bins::starting_at(1_000);
        for call in 0..1_000_u64 {
            bins.add(&Bar {
                lane: 1,
                start: 1_000 + call * call,
                end: u64::MAX,
                outcome: OUTCOMES[call as usize % 2],
                row: Some(call as u32 + 7),
                values: Vec::new(),
            });
        }
        assert_eq!(bins.width, 4_096);
        let columns: Vec<_> = bins.of(1).collect();
        assert!(columns.len() <= MAX_COLUMNS);
        assert_eq!(columns.iter().map(|(_, bin)| bin.total()).sum::<u64>(), 1_000);
        // 0² to 63² are below 4,096.
        let (start, first) = columns[0];
        assert_eq!((start, first.total(), first.row), (1_000, 64, Some(7)));
        let counts: Vec<_> = first.counts().collect();
        assert_eq!(counts, [(Outcome::Error, 32), (Outcome::Fault, 32)]);
        assert_eq!(bins.of(0).count(), 0);
    }
}
