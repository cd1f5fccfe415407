//! Any serialisable type as JSON text, its numbers as JavaScript writes them.

use std::io;

use serde::Serialize;
use serde_json::ser::Formatter;

use super::number::with_text;

/// Writes a value as the JSON text that Node would write for it.
///
/// Floats read as in JavaScript: `1.0` is `1`, `-0.0` is `0`, `1e21` is `1e+21`, NaN and the
/// infinities are `null`. Integer types are written digit for digit, also beyond 2^53: another Rust
/// service reads the same integer, and a Node peer rounds it to the nearest `f64` as it reads it.
/// JavaScript has no `f32`: one is written with the fewest digits that read back as the same
/// `f32`, so that `0.1_f32` is `0.1`. [`RawValue`](serde_json::value::RawValue)s go as they are.
///
/// Members stay in the order in which the type lists them, integer-like keys too: unlike
/// [`Value`](crate::json::Value), nothing is sorted and nothing is buffered.
///
/// ```
/// use nest_wire::json;
///
/// #[derive(serde::Serialize)]
/// struct Reading { ratio: f64, count: u64 }
///
/// let reading = Reading { ratio: 1.0, count: 9_007_199_254_740_993 };
/// assert_eq!(json::to_string(&reading)?, r#"{"ratio":1,"count":9007199254740993}"#);
/// # Ok::<(), serde_json::Error>(())
/// ```
///
/// # Errors
///
/// Those of `serde_json`: a `Serialize` implementation that fails, or a map with keys that can't be
/// strings.
pub fn to_string<T: Serialize + ?Sized>(value: &T) -> Result<String, serde_json::Error> {
    let mut out = Vec::with_capacity(128);
    append(value, &mut out)?;
    Ok(String::from_utf8(out).expect("serde_json writes UTF-8"))
}

/// Appends to `out` what [`to_string`] gives.
///
/// ```
/// # use nest_wire::json;
/// let mut out = b"3#".to_vec();
/// json::append(&[2.0], &mut out)?;
/// assert_eq!(out, b"3#[2]");
/// # Ok::<(), serde_json::Error>(())
/// ```
///
/// # Errors
///
/// As [`to_string`]; `out` is then as it was before.
pub fn append<T: Serialize + ?Sized>(value: &T, out: &mut Vec<u8>) -> Result<(), serde_json::Error> {
    let before = out.len();
    to_writer(&mut *out, value).inspect_err(|_| out.truncate(before))
}

/// Writes to `writer` what [`to_string`] gives, in many small writes.
///
/// # Errors
///
/// As [`to_string`], and what the writer fails with; a part may have been written by then.
fn to_writer<W: io::Write, T: Serialize + ?Sized>(writer: W, value: &T) -> Result<(), serde_json::Error> {
    value.serialize(&mut serde_json::Serializer::with_formatter(writer, JavaScript))
}

/// `serde_json`'s compact format, but for the numbers.
struct JavaScript;

impl Formatter for JavaScript {
    fn write_f64<W: io::Write + ?Sized>(&mut self, out: &mut W, number: f64) -> io::Result<()> {
        with_text(number, |text| out.write_all(text.as_bytes()))
    }

    fn write_f32<W: io::Write + ?Sized>(&mut self, out: &mut W, number: f32) -> io::Result<()> {
        out.write_all(ryu_js::Buffer::new().format_finite(number).as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;
    use serde_json::value::RawValue;

    use super::*;
    use crate::json::Value;
    use crate::json::parse;

    /// Up to here, an integer and JavaScript's number are the same.
    const SAFE: i64 = 1 << 53;

    fn written<T: Serialize + ?Sized>(value: &T) -> String {
        to_string(value).expect("it can be written")
    }

    #[test]
    fn floats_are_written_as_javascript_would() {
        // As printed by Node 20: JSON.stringify(number).
        for (number, text) in [
            (1.0, "1"),
            (-0.0, "0"),
            (1e21, "1e+21"),
            (1e-7, "1e-7"),
            (0.1 + 0.2, "0.30000000000000004"),
            (f64::NAN, "null"),
            (f64::INFINITY, "null"),
        ] {
            assert_eq!(written(&number), text);
        }
        assert_eq!(written(&[0.1_f32, 1.0, 1e21, 16_777_216.0]), "[0.1,1,1e+21,16777216]");
    }

    #[test]
    fn integers_are_written_digit_for_digit() {
        assert_eq!(written(&9_007_199_254_740_993_u64), "9007199254740993");
        assert_eq!(written(&(u64::MAX, i64::MIN)), format!("[{},{}]", u64::MAX, i64::MIN));
        assert_eq!(
            written(&(u128::MAX, i128::MIN)),
            format!("[{},{}]", u128::MAX, i128::MIN)
        );
        assert_eq!(
            written(&serde_json::json!({"id": u64::MAX})),
            format!(r#"{{"id":{}}}"#, u64::MAX)
        );
    }

    #[test]
    fn raw_values_go_as_they_are_and_keys_stay_in_place() {
        let raw = RawValue::from_string("[1.0, -0]".to_owned()).expect("valid JSON");
        assert_eq!(written(&[raw]), "[[1.0, -0]]");
        #[derive(Serialize)]
        struct Unsorted {
            b: u8,
            #[serde(rename = "1")]
            one: Value,
        }
        let one = parse(r#"{"x":1.0,"0":"\ud800"}"#).expect("valid JSON");
        assert_eq!(written(&Unsorted { b: 1, one }), r#"{"b":1,"1":{"0":"\ud800","x":1}}"#);
    }

    #[test]
    fn what_cannot_be_written_leaves_no_trace() {
        let mut out = b"kept".to_vec();
        let pairs = BTreeMap::from([((1, 2), 3)]);
        assert!(append(&[&pairs], &mut out).is_err());
        assert_eq!(out, b"kept");
    }

    proptest! {
        #[test]
        fn a_type_and_a_value_read_from_its_json_are_written_alike(
            strings in prop::collection::vec(any::<String>(), 0..4),
            numbers in prop::collection::vec((any::<f64>(), -SAFE..=SAFE, 0..=SAFE), 0..4),
        ) {
            let text = written(&(&strings, &numbers));
            let plain = serde_json::to_string(&(&strings, &numbers)).expect("it can be written");
            prop_assert_eq!(parse(&plain).expect("valid JSON").stringify(), text);
        }
    }
}
