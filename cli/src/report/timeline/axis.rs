//! The axis of time: where a moment is drawn, and round numbers along it.

use std::time::Duration;

use super::super::escaped::Length;
use crate::traffic::text::time;

/// Where the lanes begin, right of their names.
pub(super) const LEFT: f64 = 200.0;
/// Where they end. Names of ticks need some room beyond.
pub(super) const RIGHT: f64 = 1_160.0;
/// Maximum number of ticks.
const MAX_TICKS: u64 = 9;

pub(super) struct Axis {
    first: u64,
    last: u64,
    has_times: bool,
}

impl Axis {
    pub(super) fn new((first, last): (u64, u64), has_times: bool) -> Self {
        Self {
            first,
            last: last.max(first.saturating_add(1)),
            has_times,
        }
    }

    pub(super) fn x(&self, at: u64) -> f64 {
        let share = at.saturating_sub(self.first) as f64 / (self.last - self.first) as f64;
        LEFT + share.min(1.0) * (RIGHT - LEFT)
    }

    /// Returns where ticks are, and their names.
    pub(super) fn ticks(&self) -> Vec<(Length, String)> {
        let step = step((self.last - self.first).div_ceil(MAX_TICKS));
        let first = self.first.div_ceil(step);
        (first..=self.last / step)
            .map(|tick| (Length(self.x(tick * step)), self.name(tick * step, step)))
            .collect()
    }

    /// Returns a position in words, as precise as it is known.
    pub(super) fn moment(&self, at: u64) -> String {
        match self.has_times {
            true => format!("{}.{:06} s", at / 1_000_000, at % 1_000_000),
            false => format!("packet {at}"),
        }
    }

    /// Returns the time between two positions in words, if times are known.
    pub(super) fn length(&self, start: u64, end: u64) -> Option<String> {
        let length = Duration::from_micros(end.saturating_sub(start));
        self.has_times.then(|| time(length))
    }

    /// Returns the name of a tick, with as many decimals as the step between two ticks needs.
    fn name(&self, at: u64, step: u64) -> String {
        if !self.has_times {
            return at.to_string();
        }
        let (unit, micros) = match self.last {
            0..1_000 => ("us", 1),
            1_000..1_000_000 => ("ms", 1_000),
            _ => ("s", 1_000_000),
        };
        let decimals = (0..6).find(|power| step * 10_u64.pow(*power) >= micros).unwrap_or(6);
        format!("{:.*} {unit}", decimals as usize, at as f64 / micros as f64)
    }
}

/// Returns the lowest of 1, 2, 5, 10, 20, 50, … that is not less.
fn step(least: u64) -> u64 {
    let powers = (0..19).map(|power| 10_u64.pow(power));
    let mut steps = powers.flat_map(|power| [1, 2, 5].map(|digit| power.saturating_mul(digit)));
    steps.find(|step| *step >= least).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(first: u64, last: u64, has_times: bool) -> Vec<String> {
        let ticks = Axis::new((first, last), has_times).ticks();
        assert!(ticks.len() <= MAX_TICKS as usize + 1);
        assert!(ticks.iter().all(|(x, _)| (LEFT..=RIGHT).contains(&x.0)));
        ticks.into_iter().map(|(_, name)| name).collect()
    }

    #[test]
    fn ticks_are_round_numbers() {
        assert_eq!(names(0, 4, true), ["0 us", "1 us", "2 us", "3 us", "4 us"]);
        assert_eq!(
            names(412, 4_655, true),
            [
                "0.5 ms", "1.0 ms", "1.5 ms", "2.0 ms", "2.5 ms", "3.0 ms", "3.5 ms", "4.0 ms", "4.5 ms"
            ]
        );
        assert_eq!(
            names(3_600_000_000, 3_600_050_000, true)[..2],
            ["3600.00 s", "3600.01 s"]
        );
        assert_eq!(names(0, 9_500_000, true)[..3], ["0 s", "2 s", "4 s"]);
        assert_eq!(names(1, 10, false), ["1", "2", "3", "4", "5", "6", "7", "8", "9", "10"]);
    }

    #[test]
    fn an_axis_without_extent_has_a_tick() {
        assert_eq!(names(7, 7, true), ["7 us", "8 us"]);
        assert_eq!(names(0, 0, true), ["0 us", "1 us"]);
    }

    #[test]
    fn any_times_have_ticks() {
        names(0, u64::MAX - 1, true);
        names(u64::MAX / 2, u64::MAX / 2 + 12_345, true);
    }
}
