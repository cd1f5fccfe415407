//! A [`Date`] from and into the times of other crates.

use super::date::{Date, InvalidDate};

#[cfg(feature = "chrono")]
impl TryFrom<chrono::DateTime<chrono::Utc>> for Date {
    type Error = InvalidDate;

    /// Rounds down to milliseconds.
    fn try_from(time: chrono::DateTime<chrono::Utc>) -> Result<Self, InvalidDate> {
        Self::from_timestamp_millis(time.timestamp_millis()).ok_or(InvalidDate(()))
    }
}

#[cfg(feature = "chrono")]
impl TryFrom<Date> for chrono::DateTime<chrono::Utc> {
    type Error = InvalidDate;

    /// Fails beyond chrono's range of some 262,000 years.
    fn try_from(date: Date) -> Result<Self, InvalidDate> {
        Self::from_timestamp_millis(date.timestamp_millis()).ok_or(InvalidDate(()))
    }
}

#[cfg(feature = "time")]
impl TryFrom<time::OffsetDateTime> for Date {
    type Error = InvalidDate;

    /// Rounds down to milliseconds.
    fn try_from(time: time::OffsetDateTime) -> Result<Self, InvalidDate> {
        let millis = i64::try_from(time.unix_timestamp_nanos().div_euclid(1_000_000)).ok();
        millis.and_then(Self::from_timestamp_millis).ok_or(InvalidDate(()))
    }
}

#[cfg(feature = "time")]
impl TryFrom<Date> for time::OffsetDateTime {
    type Error = InvalidDate;

    /// Fails beyond time's range, which ends with the year 9999 unless its feature `large-dates` is
    /// on.
    fn try_from(date: Date) -> Result<Self, InvalidDate> {
        let nanos = i128::from(date.timestamp_millis()) * 1_000_000;
        Self::from_unix_timestamp_nanos(nanos).map_err(|_| InvalidDate(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MILLIS: [i64; 4] = [0, -1, 1_795_564_800_123, -62_135_596_800_000];

    #[cfg(feature = "chrono")]
    #[test]
    fn a_date_is_one_of_chrono_and_back() {
        for millis in MILLIS {
            let date = Date::from_timestamp_millis(millis).expect("in range");
            let time = chrono::DateTime::<chrono::Utc>::try_from(date).expect("in range");
            assert_eq!(time.timestamp_millis(), millis);
            assert_eq!(Date::try_from(time + chrono::TimeDelta::microseconds(999)), Ok(date));
        }
        assert!(Date::try_from(chrono::DateTime::<chrono::Utc>::MAX_UTC).is_ok());
    }

    #[cfg(feature = "time")]
    #[test]
    fn a_date_is_one_of_time_and_back() {
        for millis in MILLIS {
            let date = Date::from_timestamp_millis(millis).expect("in range");
            let time = time::OffsetDateTime::try_from(date).expect("in range");
            assert_eq!(time.unix_timestamp_nanos(), i128::from(millis) * 1_000_000);
            assert_eq!(Date::try_from(time + time::Duration::microseconds(999)), Ok(date));
        }
        let furthest = Date::from_timestamp_millis(8_640_000_000_000_000).expect("JavaScript's last");
        assert!(time::OffsetDateTime::try_from(furthest).is_err());
    }
}
