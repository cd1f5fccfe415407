//! A duration as it is typed: `2`, `0.5`, `500ms`, `10s`, `1m`, `1h`.

use std::time::Duration;

/// Units, longest suffix first: `ms` ends with the letter of seconds.
const UNITS: [(&str, f64); 5] = [("ms", 1e-3), ("us", 1e-6), ("s", 1.0), ("m", 60.0), ("h", 3600.0)];

const COMPLAINT: &str = "write a duration above 0, such as 0.5, 500ms, 10s or 1m";

/// Reads a duration above 0. A number without a unit is seconds.
pub(crate) fn duration(text: &str) -> Result<Duration, &'static str> {
    let (number, unit) = UNITS
        .iter()
        .find_map(|(suffix, unit)| Some((text.strip_suffix(suffix)?, *unit)))
        .unwrap_or((text, 1.0));
    // Rust reads "inf" and "NaN" as numbers, too.
    if !number.ends_with(|last: char| last.is_ascii_digit() || last == '.') {
        return Err(COMPLAINT);
    }
    let seconds: f64 = number.parse().map_err(|_| COMPLAINT)?;
    match Duration::try_from_secs_f64(seconds * unit) {
        Ok(duration) if !duration.is_zero() => Ok(duration),
        _ => Err(COMPLAINT),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_seconds_and_units_are_known() {
        for (text, milliseconds) in [
            ("30", 30_000),
            ("0.05", 50),
            ("1e-3", 1),
            ("500ms", 500),
            ("10s", 10_000),
            ("1m", 60_000),
            ("0.5h", 1_800_000),
            ("2000us", 2),
        ] {
            assert_eq!(duration(text), Ok(Duration::from_millis(milliseconds)), "{text}");
        }
    }

    #[test]
    fn what_is_no_duration_above_nothing_is_refused() {
        for text in [
            "", "0", "-0", "-1", "1e-12", "inf", "NaN", "1e300", "s", "1d", "1 s", "0x1", "infs",
        ] {
            assert_eq!(duration(text), Err(COMPLAINT), "{text}");
        }
    }
}
