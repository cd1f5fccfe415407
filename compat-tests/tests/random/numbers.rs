//! JSON numbers as texts: every form of the grammar, and values at which rounding shows.

use proptest::{prelude::*, sample::select};

/// Values at the edges of doubles, of integers and of the forms that JavaScript writes.
#[rustfmt::skip]
const EDGES: &[&str] = &[
    "-0", "0e7", "-0.0E-5", "1.0", "1e21", "1e20", "999999999999999999999", "1e-6", "1e-7", "0.000001",
    "9007199254740991", "9007199254740992", "9007199254740993", "-9007199254740993", "18446744073709551615",
    "9223372036854775807", "9223372036854775808", "4294967295", "123456789012345678901234567890", "0.1", "4.35",
    "0.30000000000000004", "1.7976931348623157e308", "1.7976931348623159e308", "1E400", "-1e999", "5e-324",
    "2.4703282292062327e-324", "2.4703282292062328e-324", "2.2250738585072011e-308", "2.2250738585072014E-308",
    "1e23", "9.5e-3", "6.02214076e+23", "1e+00021", "0.1e-00", "8.41e21", "2.0919495182368195e19", "1e-400",
];

/// Returns the text of a number.
pub(crate) fn number() -> BoxedStrategy<String> {
    let any_double = any::<u64>()
        .prop_map(f64::from_bits)
        .prop_map(|number| match number.is_finite() {
            true => format!("{number:e}"),
            false => "1".to_owned(),
        });
    // The number is half-way between two doubles, or as near to it as this number of digits allows.
    let near_half = (1u64 << 53..1 << 63, 0..3u64).prop_map(|(number, off)| (number << 1 | off).to_string());
    let form = "-?(0|[1-9][0-9]{0,24})(\\.[0-9]{1,24})?([eE][+-]?[0-9]{1,3})?";
    prop_oneof![
        4 => (-1000..1000i32).prop_map(|number| number.to_string()),
        2 => select(EDGES).prop_map(str::to_owned),
        2 => any_double,
        1 => near_half,
        2 => form,
    ]
    .boxed()
}
