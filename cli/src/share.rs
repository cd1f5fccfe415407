//! Shares as they are typed: `0.1` or `10%`.

/// Reads a share from 0 to 1.
pub(crate) fn parse(text: &str) -> Result<f64, &'static str> {
    let (number, whole) = match text.strip_suffix('%') {
        Some(percent) => (percent, 100.0),
        None => (text, 1.0),
    };
    let share = number.parse::<f64>().map_err(|_| "write a share: 0.1 or 10%")? / whole;
    match (0.0..=1.0).contains(&share) {
        true => Ok(share),
        false => Err("the share is from 0 to 1, or 0% to 100%"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_read_as_numbers_and_as_percentages() {
        for (text, share) in [("0", 0.0), ("0.25", 0.25), ("25%", 0.25), ("100%", 1.0), ("1", 1.0)] {
            assert_eq!(parse(text), Ok(share), "{text}");
        }
        for wrong in ["", "x", "2", "-1", "101%", "%", "NaN"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
