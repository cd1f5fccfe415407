//! Figures as people read them, with three digits at most.

use std::time::Duration;

use crate::duration::rounded;

/// Returns a time as `118 us`, `1.9 ms` or `2.4 s`.
pub(crate) fn time(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    match seconds {
        // What rounds to a thousand of a unit is one of the next.
        0.9995.. => format!("{} s", rounded(seconds)),
        0.000_999_5.. => format!("{} ms", rounded(seconds * 1e3)),
        _ => format!("{} us", rounded(seconds * 1e6)),
    }
}

/// Returns a number of bytes as `318 MB`.
pub(crate) fn bytes(bytes: u64) -> String {
    let number = bytes as f64;
    match number {
        999.5e6.. => format!("{} GB", rounded(number / 1e9)),
        999.5e3.. => format!("{} MB", rounded(number / 1e6)),
        1000.0.. => format!("{} kB", rounded(number / 1e3)),
        _ => format!("{bytes} B"),
    }
}

/// Returns a number as `5,210,433`.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Returns a share as `0.12 %`.
pub(crate) fn percent(share: f64) -> String {
    format!("{} %", rounded(share * 100.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_have_three_digits_and_a_unit() {
        for (nanoseconds, expected) in [
            (840, "0.84 us"),
            (118_000, "118 us"),
            (999_400, "999 us"),
            (999_600, "1 ms"),
            (1_904_000, "1.9 ms"),
            (999_600_000, "1 s"),
            (61_000_000_000, "61 s"),
        ] {
            assert_eq!(time(Duration::from_nanos(nanoseconds)), expected);
        }
        assert_eq!(
            [bytes(999), bytes(1500), bytes(318_000_000), bytes(2_000_000_000)],
            ["999 B", "1.5 kB", "318 MB", "2 GB"]
        );
        assert_eq!(
            [grouped(0), grouped(999), grouped(5_210_433)],
            ["0", "999", "5,210,433"]
        );
        assert_eq!([percent(0.0012), percent(1.0)], ["0.12 %", "100 %"]);
    }
}
