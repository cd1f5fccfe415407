//! The journal of a service: the numbers that its handlers have received.

use std::collections::HashMap;

/// Counts how often handlers have received each number, over all lives of a service.
///
/// A service prints `m NUMBER` when a message handler begins, and `e NUMBER` when an event handler
/// begins.
#[derive(Debug, Default, Clone)]
pub struct Journal {
    seen: HashMap<u64, Vec<String>>,
}

impl Journal {
    /// Adds the lines that the service `name` has printed. Skips lines of another form.
    pub fn add<'a>(&mut self, name: &str, lines: impl IntoIterator<Item = &'a str>) {
        for (index, line) in lines.into_iter().enumerate() {
            if let Some(number) = number_of(line) {
                let entry = format!("{name}, line {index}: {line}");
                self.seen.entry(number).or_default().push(entry);
            }
        }
    }

    /// Adds the journal of another service.
    pub fn merge(&mut self, other: &Self) {
        for (number, lines) in &other.seen {
            self.seen.entry(*number).or_default().extend_from_slice(lines);
        }
    }

    /// Returns how often handlers have received this number.
    #[must_use]
    pub fn times(&self, number: u64) -> usize {
        self.lines(number).len()
    }

    /// Returns the lines about this number.
    #[must_use]
    pub fn lines(&self, number: u64) -> &[String] {
        self.seen.get(&number).map_or(&[], Vec::as_slice)
    }
}

fn number_of(line: &str) -> Option<u64> {
    let number = line.strip_prefix("m ").or_else(|| line.strip_prefix("e "))?;
    number.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_counted_by_number_over_all_lives() {
        let mut journal = Journal::default();
        journal.add("first", ["m 1", "e 2", "something else", "m x"]);
        journal.add("second", ["m 1"]);
        assert_eq!([1, 2, 3].map(|number| journal.times(number)), [2, 1, 0]);
        assert_eq!(journal.lines(1), ["first, line 0: m 1", "second, line 0: m 1"]);
    }
}
