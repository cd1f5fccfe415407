//! Numbers as JavaScript writes them: `Number::toString` of ECMA-262, §6.1.6.1.20.

/// Returns the text of `` `${number}` ``.
///
/// The shortest digits that read back as the same number, an exponent from 1e21 up and below
/// 1e-6, no sign on a zero; `NaN`, `Infinity` and `-Infinity` by name. (In JSON text these three
/// are `null`: see [`Value::stringify`](crate::json::Value::stringify).)
///
/// ```
/// use nest_wire::json::number_to_string;
///
/// assert_eq!(number_to_string(1.0), "1");
/// assert_eq!(number_to_string(-0.0), "0");
/// assert_eq!(number_to_string(1e21), "1e+21");
/// assert_eq!(number_to_string(0.1 + 0.2), "0.30000000000000004");
/// assert_eq!(number_to_string(f64::NEG_INFINITY), "-Infinity");
/// ```
#[must_use]
pub fn number_to_string(number: f64) -> String {
    with_text(number, str::to_owned)
}

/// Appends what [`number_to_string`] gives.
pub(crate) fn push_number(number: f64, out: &mut String) {
    with_text(number, |text| out.push_str(text));
}

/// `Number.MAX_SAFE_INTEGER` + 1: up to here each integer is a number of its own.
const EXACT: u64 = 1 << 53;

/// Gives `take` what [`number_to_string`] gives.
pub(crate) fn with_text<T>(number: f64, take: impl FnOnce(&str) -> T) -> T {
    // Most numbers are small integers, and finding the shortest digits of a fraction takes twenty
    // times as long.
    let integer = number as i64;
    if integer as f64 == number && integer.unsigned_abs() <= EXACT {
        take(itoa::Buffer::new().format(integer))
    } else {
        take(ryu_js::Buffer::new().format(number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_as_javascript_prints_them() {
        // As printed by Node 20.
        for (number, text) in [
            (0.0, "0"),
            (42.0, "42"),
            (-42.0, "-42"),
            (9_007_199_254_740_992.0, "9007199254740992"),
            (-9_007_199_254_740_994.0, "-9007199254740994"),
            (9_223_372_036_854_775_807.0, "9223372036854776000"),
            (-0.0, "0"),
            (-1.5, "-1.5"),
            (1e20, "100000000000000000000"),
            (1e21, "1e+21"),
            (1e-6, "0.000001"),
            (1e-7, "1e-7"),
            (9_007_199_254_740_993.0, "9007199254740992"),
            (18_446_744_073_709_551_615.0, "18446744073709552000"),
            (5e-324, "5e-324"),
            (f64::MAX, "1.7976931348623157e+308"),
            (f64::NAN, "NaN"),
            (f64::INFINITY, "Infinity"),
            (f64::NEG_INFINITY, "-Infinity"),
        ] {
            assert_eq!(number_to_string(number), text);
        }
    }
}
