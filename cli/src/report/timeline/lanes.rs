//! The lanes of a timeline: one for each pattern, and lines in it where calls overlap.

use std::{collections::HashMap, sync::Arc};

use super::Bar;

/// Maximum number of lanes that are known by name.
const MAX_KNOWN: usize = 1_000;
/// Maximum number of lines of a lane: beyond that, bars cover one another.
const MAX_LINES: usize = 16;

/// The lane of broken frames and lost connections.
const FAULTS: &str = "faults";
/// The lane of all patterns beyond [`MAX_KNOWN`].
const OTHERS: &str = "(other patterns)";

/// The lanes in the order of their first use.
#[derive(Debug, Default)]
pub(super) struct Lanes {
    numbers: HashMap<Option<Arc<str>>, usize>,
    lanes: Vec<Lane>,
}

#[derive(Debug)]
pub(super) struct Lane {
    pub(super) name: Arc<str>,
    /// Number of calls and moments in it.
    pub(super) count: u64,
}

impl Lanes {
    /// Returns the lane of a pattern, or that of the faults.
    pub(super) fn of(&mut self, pattern: Option<&Arc<str>>) -> usize {
        let mut key = pattern.cloned();
        if self.lanes.len() >= MAX_KNOWN && !self.numbers.contains_key(&key) {
            key = pattern.map(|_| OTHERS.into());
        }
        let lanes = &mut self.lanes;
        *self.numbers.entry(key).or_insert_with_key(|key| {
            let name = key.clone().unwrap_or_else(|| FAULTS.into());
            lanes.push(Lane { name, count: 0 });
            lanes.len() - 1
        })
    }

    pub(super) fn count(&mut self, lane: usize) {
        self.lanes[lane].count += 1;
    }

    /// Returns the numbers of the lanes and what is known of them: the one with the most calls is the
    /// first.
    pub(super) fn by_count(&self) -> Vec<(usize, &Lane)> {
        let mut lanes: Vec<_> = self
            .lanes
            .iter()
            .enumerate()
            .filter(|(_, lane)| lane.count > 0)
            .collect();
        // Stable: lanes with equal counts stay in the order of their first use.
        lanes.sort_by_key(|(_, lane)| std::cmp::Reverse(lane.count));
        lanes
    }
}

/// Returns the line for each bar, and the number of lines. Bars of a line do not overlap, unless
/// there are more at once than lines. The bars are in the order of their starts.
pub(super) fn lines(bars: &[&Bar]) -> (Vec<usize>, usize) {
    let mut ends: Vec<u64> = Vec::new();
    let lines = bars
        .iter()
        .map(|bar| {
            let free = ends.iter().position(|end| *end <= bar.start);
            let line = match free {
                Some(line) => line,
                None if ends.len() < MAX_LINES => {
                    ends.push(0);
                    ends.len() - 1
                }
                None => (0..ends.len()).min_by_key(|line| ends[*line]).unwrap_or_default(),
            };
            ends[line] = ends[line].max(bar.end);
            line
        })
        .collect();
    (lines, ends.len().max(1))
}

#[cfg(test)]
mod tests {
    use super::{super::Outcome, *};

    fn bar(start: u64, end: u64) -> Bar {
        Bar {
            lane: 0,
            start,
            end,
            outcome: Outcome::Answered,
            row: None,
            values: Vec::new(),
        }
    }

    #[test]
    fn bars_that_overlap_have_lines_of_their_own() {
        let bars = [bar(0, 10), bar(5, 7), bar(6, 20), bar(7, 8), bar(10, 12)];
        let (lines, count) = lines(&bars.iter().collect::<Vec<_>>());
        assert_eq!((lines, count), (vec![0, 1, 2, 1, 0], 3));
    }

    #[test]
    fn the_number_of_lines_is_bounded() {
        let bars: Vec<Bar> = (0..100).map(|start| bar(start, 1_000)).collect();
        let (lines, count) = lines(&bars.iter().collect::<Vec<_>>());
        assert_eq!(count, MAX_LINES);
        assert!(lines.iter().all(|line| *line < MAX_LINES));
    }

    #[test]
    fn the_number_of_lanes_is_bounded() {
        let mut lanes = Lanes::default();
        for pattern in 0..2 * MAX_KNOWN {
            let lane = lanes.of(Some(&pattern.to_string().into()));
            lanes.count(lane);
        }
        let fault = lanes.of(None);
        lanes.count(fault);
        let by_count = lanes.by_count();
        assert_eq!(by_count.len(), MAX_KNOWN + 2);
        assert_eq!((&*by_count[0].1.name, by_count[0].1.count), (OTHERS, MAX_KNOWN as u64));
    }
}
