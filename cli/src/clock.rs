//! The time of day in UTC, written as RFC 3339 has it.

use std::time::{Duration, SystemTime};

/// Returns a time as `2026-11-25T17:54:19.123456Z`.
pub(crate) fn rfc3339(time: SystemTime) -> String {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let (days, seconds) = (since.as_secs() / 86_400, since.as_secs() % 86_400);
    let (year, month, day) = date(days);
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    format!(
        "{year:04}-{month:02}-{day:02}T{hours:02}:{minutes:02}:{:02}.{:06}Z",
        seconds % 60,
        since.subsec_micros()
    )
}

/// Returns the time that [`rfc3339`] wrote.
pub(crate) fn parse(text: &str) -> Option<SystemTime> {
    let number = |range: std::ops::Range<usize>| text.get(range)?.parse::<u64>().ok();
    let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
    let seconds = number(11..13)? * 3600 + number(14..16)? * 60 + number(17..19)?;
    let micros = number(20..26)?;
    // The day whose date this is: dates grow with days.
    let guess = year.checked_sub(1970)? * 365;
    let days = (guess..guess + 366 + year / 4).find(|days| date(*days) == (year, month, day))?;
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(days * 86_400 + seconds) + Duration::from_micros(micros))
}

/// Returns the time of day as `17:58:01`.
pub(crate) fn time_of_day(time: SystemTime) -> String {
    rfc3339(time)[11..19].to_owned()
}

/// Returns year, month and day of a number of days since 1970, by the rules of the Gregorian
/// calendar, whose leap days repeat every 400 years.
fn date(mut days: u64) -> (u64, u64, u64) {
    let is_leap = |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let mut year = 1970 + days / 146_097 * 400;
    days %= 146_097;
    while days >= 365 + u64::from(is_leap(year)) {
        days -= 365 + u64::from(is_leap(year));
        year += 1;
    }
    let february = 28 + u64::from(is_leap(year));
    let mut month = 1;
    for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30] {
        if days < length {
            break;
        }
        days -= length;
        month += 1;
    }
    (year, month, days + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_and_read_back() {
        for (seconds, micros, text) in [
            (0, 0, "1970-01-01T00:00:00.000000Z"),
            (951_782_400, 5, "2000-02-29T00:00:00.000005Z"),
            (1_795_629_259, 123_456, "2026-11-25T17:54:19.123456Z"),
            (4_107_542_399, 999_999, "2100-02-28T23:59:59.999999Z"),
        ] {
            let time = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds) + Duration::from_micros(micros);
            assert_eq!(rfc3339(time), text);
            assert_eq!(parse(text), Some(time));
        }
        assert_eq!(parse("yesterday"), None);
        assert_eq!(parse("2026-02-30T00:00:00.000000Z"), None);
    }
}
