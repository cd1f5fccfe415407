//! `JSON.parse`: the grammar's sink that builds a [`Value`].

use std::ops::Range;

use super::{
    error::ParseError,
    grammar::{self, Sink, TooDeep},
    token::Spelling,
    unescape::string_value,
};
use crate::json::{
    nesting::MAX_DEPTH,
    value::{Value, builder::Builder},
};

/// Reads a JSON text as `JSON.parse` does.
///
/// White space is space, tab, line feed and carriage return; a byte order mark is refused. Numbers
/// are rounded to the nearest `f64`, `1e999` to infinity. Of equal keys the last value stays.
/// Escaped halves of surrogate pairs are joined, and kept when they stand alone.
///
/// ```
/// use nest_wire::json::{self, ParseError};
///
/// let value = json::parse(r#" {"a":[1,2],"a":-0} "#)?;
/// assert_eq!(value.stringify(), r#"{"a":0}"#);
/// assert_eq!(json::parse("[01]"), Err(ParseError::Unexpected { found: '1', offset: 2 }));
/// # Ok::<(), ParseError>(())
/// ```
///
/// # Errors
///
/// [`ParseError::UnexpectedEnd`] and [`ParseError::Unexpected`] where `JSON.parse` throws a
/// `SyntaxError`; [`ParseError::TooDeep`] where it would not, but [`MAX_DEPTH`] is exceeded.
pub fn parse(text: &str) -> Result<Value, ParseError> {
    let mut parsed = Parsed {
        text,
        value: Builder::default(),
        is_too_deep: false,
    };
    match grammar::text(text, &mut parsed) {
        Ok(()) => Ok(parsed.value.finish()),
        Err(offset) if parsed.is_too_deep => Err(ParseError::TooDeep { offset }),
        Err(offset) => Err(ParseError::at(text, offset)),
    }
}

struct Parsed<'t> {
    text: &'t str,
    value: Builder,
    /// Set when a container is refused, which ends the scan.
    is_too_deep: bool,
}

impl Sink for Parsed<'_> {
    fn open(&mut self, is_object: bool) -> Result<(), TooDeep> {
        if self.value.depth() == MAX_DEPTH {
            self.is_too_deep = true;
            return Err(TooDeep);
        }
        match is_object {
            true => self.value.begin_object(),
            false => self.value.begin_array(0),
        }
        Ok(())
    }

    fn key(&mut self, spelling: Spelling, key: Range<usize>) {
        self.value.key(string_value(spelling, &self.text[key]));
    }

    fn string(&mut self, spelling: Spelling, string: Range<usize>) {
        let string = string_value(spelling, &self.text[string]);
        self.value.value(Value::String(string));
    }

    fn number_or_word(&mut self, value: Range<usize>) {
        self.value.value(match &self.text[value] {
            "null" => Value::Null,
            "true" => Value::Bool(true),
            "false" => Value::Bool(false),
            number => Value::Number(number.parse().expect("JSON's numbers are among Rust's")),
        });
    }

    fn close(&mut self) {
        self.value.end();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::json::JsString;

    fn rewritten(text: &str) -> String {
        parse(text).expect("JSON.parse accepts it").stringify()
    }

    #[test]
    fn texts_are_written_back_as_javascript_would() {
        // As printed by Node 20: JSON.stringify(JSON.parse(text)).
        for (text, back) in [
            (" [ 1.0 , -0 , 1e21 , 1E-7 ,\t1e999\r\n] ", "[1,0,1e+21,1e-7,null]"),
            ("0.30000000000000004", "0.30000000000000004"),
            ("12345678901234567890", "12345678901234567000"),
            (r#"{"b":1,"10":2,"9":3,"b":4}"#, r#"{"9":3,"10":2,"b":4}"#),
            (r#"{"__proto__":1,"b":2,"a":1,"b":3}"#, r#"{"__proto__":1,"b":3,"a":1}"#),
            (r#""\ud83d\ude00 \uD83D \uDE00\ud83d""#, r#""😀 \ud83d \ude00\ud83d""#),
            (
                r#""\/\b\f\n\r\t\u001F\u007f\u2028""#,
                "\"/\\b\\f\\n\\r\\t\\u001f\u{7f}\u{2028}\"",
            ),
            (r#""\u0041\u00e9\u0000\"\\""#, r#""Aé\u0000\"\\""#),
            (r#"[[],{},[{}],{"":[]}]"#, r#"[[],{},[{}],{"":[]}]"#),
        ] {
            assert_eq!(rewritten(text), back);
        }
    }

    #[test]
    fn the_offset_is_that_of_the_first_character_out_of_place() {
        for (text, found, offset) in [
            ("\u{FEFF}1", '\u{FEFF}', 0),
            ("\u{A0}1", '\u{A0}', 0),
            ("[1,]", ']', 3),
            ("[,1]", ',', 1),
            ("[1 2]", '2', 3),
            (r#"{"a":1,}"#, '}', 7),
            (r#"{"a" 1}"#, '1', 5),
            ("{a:1}", 'a', 1),
            ("[1}", '}', 2),
            ("1 1", '1', 2),
            ("01", '1', 1),
            ("-01", '1', 2),
            ("+1", '+', 0),
            ("1.e1", 'e', 2),
            (".5", '.', 0),
            ("tru€", '€', 3),
            ("NaN", 'N', 0),
            ("\"\u{1}\"", '\u{1}', 1),
            ("\"a\nb\"", '\n', 2),
            (r#""\x41""#, 'x', 2),
            (r#""é\u12g4""#, 'g', 7),
            ("'a'", '\'', 0),
            ("1//", '/', 1),
        ] {
            assert_eq!(parse(text), Err(ParseError::Unexpected { found, offset }), "{text}");
        }
    }

    #[test]
    fn a_cut_text_ends_unexpectedly() {
        let whole = r#"{"a":[-1.5e+3,true,"\u00e9é"]}"#;
        for (offset, _) in whole.char_indices() {
            let cut = &whole[..offset];
            assert_eq!(parse(cut), Err(ParseError::UnexpectedEnd { offset }), "{cut}");
        }
    }

    #[test]
    fn one_level_past_the_limit_is_too_deep() {
        assert!(parse(&("[".repeat(MAX_DEPTH) + &"]".repeat(MAX_DEPTH))).is_ok());
        let deeper = "[".repeat(MAX_DEPTH + 1);
        assert_eq!(parse(&deeper), Err(ParseError::TooDeep { offset: MAX_DEPTH }));
    }

    #[test]
    fn an_error_is_small() {
        assert!(size_of::<ParseError>() <= 24);
    }

    /// Any value but for NaN and the infinities, which have no JSON of their own.
    fn values() -> impl Strategy<Value = Value> {
        let unit = prop_oneof![0x20..0x7Fu16, 0xD7F0..0xE010u16, any::<u16>()];
        let string = prop::collection::vec(unit, 0..6).prop_map(JsString::from_utf16);
        let key = prop_oneof![string.clone(), (0..30u32).prop_map(|key| key.to_string().into())];
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i32>().prop_map(Value::from),
            prop::num::f64::NORMAL.prop_map(Value::from),
            string.prop_map(Value::from),
        ];
        leaf.prop_recursive(5, 40, 6, move |inner| {
            let member = (key.clone(), inner.clone());
            prop_oneof![
                prop::collection::vec(inner, 0..6).prop_map(Value::from),
                prop::collection::vec(member, 0..6).prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back_as_it_was(value in values()) {
            let text = value.stringify();
            let back = parse(&text).expect("what is written is JSON");
            prop_assert!(back == value, "{} came back as {}", text, back);
            prop_assert_eq!(back.stringify(), text);
        }

        #[test]
        fn what_serde_json_accepts_is_accepted_and_the_reverse(text in r#"[\[\]{}:,"\\ua0-9eE+. -]{0,12}"#) {
            let raw = serde_json::from_str::<&serde_json::value::RawValue>(&text);
            prop_assert_eq!(parse(&text).is_ok(), raw.is_ok(), "{}", text);
        }
    }

    #[test]
    fn an_error_says_at_which_byte_the_fault_is() {
        for (text, offset) in [("[\"é\",]", 6), ("[1", 2), ("nul", 3), ("[1]]", 3)] {
            assert_eq!(parse(text).expect_err("a fault").offset(), offset, "{text}");
        }
    }
}
