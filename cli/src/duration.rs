//! Durations as people type and read them: `2`, `0.5`, `500ms`, `10s`, `1m`.

use std::time::Duration;

const WANTED: &str = "write a number above 0, of seconds or with a unit: 2, 0.5, 500ms, 10s, 1m";

/// The units, and how many seconds each has. `ms` comes before `s` and `m`, its letters.
const UNITS: [(&str, f64); 4] = [("ms", 0.001), ("s", 1.0), ("m", 60.0), ("h", 3600.0)];

/// Reads a duration. Without a unit it is a number of seconds.
pub(crate) fn parse(text: &str) -> Result<Duration, &'static str> {
    let (number, seconds_each) = UNITS
        .iter()
        .find_map(|(unit, seconds)| Some((text.strip_suffix(unit)?, *seconds)))
        .unwrap_or((text, 1.0));
    let number: f64 = number.parse().map_err(|_| WANTED)?;
    match Duration::try_from_secs_f64(number * seconds_each) {
        Ok(duration) if !duration.is_zero() => Ok(duration),
        _ => Err(WANTED),
    }
}

/// Reads a duration that may be 0.
pub(crate) fn parse_or_zero(text: &str) -> Result<Duration, &'static str> {
    match text {
        "0" | "0s" => Ok(Duration::ZERO),
        text => parse(text),
    }
}

/// Returns the duration in words for a message: `10 s`, `0.05 ms`. At most three digits are exact.
pub(crate) fn shown(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    match seconds {
        1.0.. => format!("{} s", rounded(seconds)),
        _ => format!("{} ms", rounded(seconds * 1000.0)),
    }
}

/// Returns the number with as many decimals as make three digits, without zeros at the end.
pub(crate) fn rounded(number: f64) -> String {
    let decimals = match number {
        100.0.. => 0,
        10.0.. => 1,
        _ => 2,
    };
    let text = format!("{number:.decimals$}");
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

/// Returns once this time has passed; never, without one.
pub(crate) async fn passed(time: Option<Duration>) {
    match time {
        Some(time) => tokio::time::sleep(time).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_seconds_and_a_unit_may_follow() {
        for (text, milliseconds) in [
            ("30", 30_000),
            ("0.05", 50),
            ("1e-3", 1),
            ("500ms", 500),
            ("10s", 10_000),
            ("1.5s", 1500),
            ("1m", 60_000),
            ("2h", 7_200_000),
        ] {
            assert_eq!(parse(text), Ok(Duration::from_millis(milliseconds)), "{text}");
        }
    }

    #[test]
    fn a_duration_is_never_nothing_and_never_endless() {
        for text in [
            "",
            "0",
            "-0",
            "-1",
            "1e-12",
            "inf",
            "NaN",
            "1e300",
            "0x1",
            "0ms",
            "s",
            "ms",
            "1 d",
            "1d",
            "10 apples",
        ] {
            assert_eq!(parse(text), Err(WANTED), "{text}");
        }
    }

    #[test]
    fn durations_are_shown_with_three_digits() {
        for (microseconds, expected) in [
            (1, "0 ms"),
            (312, "0.31 ms"),
            (50_000, "50 ms"),
            (99_960, "100 ms"),
            (386_000, "386 ms"),
            (1_000_000, "1 s"),
            (1_204_000, "1.2 s"),
            (30_000_000, "30 s"),
            (600_000_000, "600 s"),
        ] {
            assert_eq!(shown(Duration::from_micros(microseconds)), expected);
        }
    }
}
