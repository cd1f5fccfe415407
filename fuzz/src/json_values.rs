//! JSON: three readers agree on what is JSON, and a written value is read as the same value.

use nest_wire::{
    json::{self, ParseError, Value},
    packet::RawJson,
};

/// Asserts that a text is a [`Value`] if and only if it is a [`RawJson`], that writing and reading
/// a value ends at the first text, that all ways of writing agree, and that serde_json reads the
/// same values if it reads any.
///
/// Exceptions: a [`Value`] is nested no deeper than [`json::MAX_DEPTH`]; infinity is written as
/// `null`; serde_json rejects lone surrogates, infinity, and more than 128 levels.
pub fn json_values(input: &[u8]) {
    let text = &*String::from_utf8_lossy(input);
    let (value, raw) = (json::parse(text), RawJson::new(text));
    match (&value, &raw) {
        (Ok(value), Ok(raw)) => {
            agrees_with_serde(text, value);
            is_written_alike(value);
            assert_eq!(RawJson::new(raw.as_str()).expect("it was JSON before"), *raw);
            assert_eq!(
                json::parse(raw.as_str()).as_ref(),
                Ok(value),
                "white space made a difference"
            );
            assert_eq!(raw.is_truthy(), is_truthy(value), "{raw}");
        }
        (Err(ParseError::TooDeep { .. }), _) => {}
        (Err(fault), Err(_)) => {
            assert!(text.is_char_boundary(fault.offset()), "{fault} in {text:?}");
        }
        _ => panic!("{text:?} is {value:?} and {raw:?}"),
    }
}

fn is_written_alike(value: &Value) {
    let written = value.stringify();
    let again = json::parse(&written).expect("what is written is JSON");
    assert_eq!(again.stringify(), written, "writing has no fixpoint");
    assert!(again == *value || has_infinity(value), "{value:?} became {again:?}");
    assert_eq!(value.clone(), *value);
    assert_eq!(json::to_string(value).expect("a value can be written"), written);
    assert_eq!(
        RawJson::from_value(value).expect("a value can be written").as_str(),
        written
    );
}

fn agrees_with_serde(text: &str, value: &Value) {
    let Ok(theirs) = serde_json::from_str::<serde_json::Value>(text) else {
        return;
    };
    assert_eq!(
        Value::from(theirs),
        *value,
        "serde_json reads {text:?} as another value"
    );
    let through_serde: Value = serde_json::from_str(text).expect("serde_json has just read it");
    assert_eq!(through_serde, *value);
}

/// Returns whether JavaScript takes the value for true: ECMA-262, `ToBoolean`.
pub(crate) fn is_truthy(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(flag) => *flag,
        Value::Number(number) => *number != 0.0,
        Value::String(text) => text.as_str() != Some(""),
        Value::Array(_) | Value::Object(_) => true,
    }
}

pub(crate) fn has_infinity(value: &Value) -> bool {
    let mut left = vec![value];
    while let Some(value) = left.pop() {
        match value {
            Value::Number(number) if number.is_infinite() => return true,
            Value::Array(elements) => left.extend(elements.iter()),
            Value::Object(members) => left.extend(members.iter().map(|(_, value)| value)),
            _ => {}
        }
    }
    false
}
