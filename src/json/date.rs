//! JavaScript's `Date`, as `Date.prototype.toJSON` writes it.

use std::{
    fmt,
    str::FromStr,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A moment in milliseconds of UTC, in the JSON of a JavaScript `Date`:
/// `"2026-11-25T00:00:00.000Z"`.
///
/// Years outside 0 to 9999 have a sign and six digits. An invalid `Date` is `null` in JSON:
/// `Option<Date>` reads it. Other spellings that `Date.parse` knows are refused.
///
/// ```
/// use nest_wire::json::{self, Date};
///
/// let date: Date = json::from_str(r#""2026-11-25T00:00:00.000Z""#)?;
/// assert_eq!(date.timestamp_millis(), 1_795_564_800_000);
/// assert_eq!(json::to_string(&date)?, r#""2026-11-25T00:00:00.000Z""#);
/// assert_eq!(json::from_str::<Option<Date>>("null")?, None);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date(i64);

/// The furthest moment from 1970 that JavaScript has, in milliseconds.
const MAX_MILLIS: i64 = 8_640_000_000_000_000;
const MILLIS_PER_DAY: i64 = 86_400_000;

impl Date {
    /// Makes a date of the milliseconds since 1970. Returns `None` beyond JavaScript's range of
    /// ±8.64e15.
    #[must_use]
    pub const fn from_timestamp_millis(millis: i64) -> Option<Self> {
        if millis < -MAX_MILLIS || millis > MAX_MILLIS {
            return None;
        }
        Some(Self(millis))
    }

    /// Returns the milliseconds since 1970.
    #[must_use]
    pub const fn timestamp_millis(self) -> i64 {
        self.0
    }
}

/// A text or a time that is no [`Date`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a date as JavaScript's Date.prototype.toJSON writes it")]
pub struct InvalidDate(pub(super) ());

impl TryFrom<SystemTime> for Date {
    type Error = InvalidDate;

    /// Rounds down to milliseconds.
    fn try_from(time: SystemTime) -> Result<Self, InvalidDate> {
        let nanos = match time.duration_since(UNIX_EPOCH) {
            Ok(after) => i128::try_from(after.as_nanos()),
            Err(before) => i128::try_from(before.duration().as_nanos()).map(|nanos| -nanos),
        };
        let millis = nanos.ok().map(|nanos| nanos.div_euclid(1_000_000));
        millis
            .and_then(|millis| i64::try_from(millis).ok())
            .and_then(Self::from_timestamp_millis)
            .ok_or(InvalidDate(()))
    }
}

impl TryFrom<Date> for SystemTime {
    type Error = InvalidDate;

    /// Fails where the operating system's clock has no such time.
    fn try_from(date: Date) -> Result<Self, InvalidDate> {
        let distance = Duration::from_millis(date.0.unsigned_abs());
        let time = match date.0 {
            0.. => UNIX_EPOCH.checked_add(distance),
            _ => UNIX_EPOCH.checked_sub(distance),
        };
        time.ok_or(InvalidDate(()))
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = civil(self.0.div_euclid(MILLIS_PER_DAY));
        match year {
            0..=9999 => write!(f, "{year:04}")?,
            _ => write!(f, "{year:+07}")?,
        }
        let millis = self.0.rem_euclid(MILLIS_PER_DAY);
        let (hour, minute) = (millis / 3_600_000, millis / 60_000 % 60);
        let (second, milli) = (millis / 1000 % 60, millis % 1000);
        write!(f, "-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z")
    }
}

impl FromStr for Date {
    type Err = InvalidDate;

    fn from_str(text: &str) -> Result<Self, InvalidDate> {
        // The one spelling of a moment is the one that it is written in.
        let date = read(text).and_then(Self::from_timestamp_millis);
        date.filter(|date| date.to_string() == text).ok_or(InvalidDate(()))
    }
}

/// Reads the numbers by their places, without checking what is between them.
fn read(text: &str) -> Option<i64> {
    let (year, rest) = text.split_at_checked(match text.starts_with(['+', '-']) {
        true => 7,
        false => 4,
    })?;
    let number = |from: usize, to: usize| rest.get(from..to)?.parse::<i64>().ok();
    let days = days(year.parse().ok()?, number(1, 3)?, number(4, 6)?);
    let seconds = (number(7, 9)? * 60 + number(10, 12)?) * 60 + number(13, 15)?;
    Some(days * MILLIS_PER_DAY + seconds * 1000 + number(16, 19)?)
}

/// Days in 400 years, after which the calendar repeats.
const DAYS_PER_ERA: i64 = 146_097;
/// Days from the 1st of March of the year 0 to 1970.
const DAYS_TO_1970: i64 = 719_468;

/// Returns the days since 1970. Years begin in March here, so that leap days are last.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    let (era, year) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * DAYS_PER_ERA + year * 365 + year / 4 - year / 100 + day_of_year - DAYS_TO_1970
}

/// Returns year, month and day of the days since 1970.
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + DAYS_TO_1970;
    let (era, day) = (days.div_euclid(DAYS_PER_ERA), days.rem_euclid(DAYS_PER_ERA));
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day_of_year = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (era * 400 + year + i64::from(month <= 2), month, day)
}

impl Serialize for Date {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Date {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(DateVisitor)
    }
}

struct DateVisitor;

impl de::Visitor<'_> for DateVisitor {
    type Value = Date;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a date like 2026-11-25T00:00:00.000Z")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Date, E> {
        text.parse()
            .map_err(|_| E::invalid_value(de::Unexpected::Str(text), &self))
    }
}
